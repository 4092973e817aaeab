// The usual load of a social feed: 90 % reads, 10 % writes, open loop, on a seeded graph. Authors and posts are chosen
// by Zipf's law over the newest posts: a few get most of the requests.
import { byAuthor, comment, graph, home, like, members, post, publish, recent } from './lib/client.js';
import { summary } from './lib/report.js';
import { STATS, any, mix, number, steady, text, thresholds, zipf } from './lib/shape.js';

/** @type {import('k6/options').Options} */
export const options = {
  scenarios: { feed: steady('feed', number('RATE', 200), text('DURATION', '30s')) },
  thresholds: thresholds({ home: 50, author: 50, recent: 50, post: 50, publish: 100, comment: 100, like: 100 }),
  summaryTrendStats: STATS,
  setupTimeout: '5m',
};

const choose = mix({ home: 65, author: 10, recent: 5, post: 10, publish: 4, comment: 2, like: 4 });
let [author, item] = [null, null];

export function setup() {
  const all = members();
  return Object.assign({ members: all }, graph(all[0].token));
}

export function feed(data) {
  author = author || zipf(data.authors.length);
  item = item || zipf(data.posts.length);
  const { token } = any(data.members);
  switch (choose()) {
    case 'home': return home(token);
    case 'author': return byAuthor(token, data.authors[author()]);
    case 'recent': return recent(token);
    case 'post': return post(token, data.posts[item()]);
    case 'publish': return publish(token);
    case 'comment': return comment(token, data.posts[item()]);
    default: return like(token, data.posts[item()]);
  }
}

export const handleSummary = summary('feed');
