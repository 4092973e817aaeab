// Mostly writes, open loop at a constant rate: of 100 requests 64 are posts, 12 comments, 4 likes and 20 feeds, so that
// new posts are also read.
import { comment, graph, home, like, members, publish } from './lib/client.js';
import { summary } from './lib/report.js';
import { STATS, any, mix, number, steady, text, thresholds, zipf } from './lib/shape.js';

/** @type {import('k6/options').Options} */
export const options = {
  scenarios: { write: steady('write', number('RATE', 200), text('DURATION', '30s')) },
  thresholds: thresholds({ publish: 100, comment: 100, like: 100, home: 50 }),
  summaryTrendStats: STATS,
  setupTimeout: '5m',
};

const choose = mix({ publish: 64, comment: 12, like: 4, home: 20 });
let item = null;

export function setup() {
  const all = members();
  return Object.assign({ members: all }, graph(all[0].token));
}

export function write(data) {
  item = item || zipf(data.posts.length);
  const { token } = any(data.members);
  switch (choose()) {
    case 'publish': return publish(token);
    case 'comment': return comment(token, data.posts[item()]);
    case 'like': return like(token, data.posts[item()]);
    default: return home(token);
  }
}

export const handleSummary = summary('write');
