// The mix of feed.js at a modest rate for a long time (DURATION, an hour by default). The last quarter must be as fast
// as the first, which reveals leaks and growth. Also watch `dailyfeed_mailbox_messages` and the resident memory.
import exec from 'k6/execution';
import http from 'k6/http';
import { check } from 'k6';
import { BASE, comment, graph, home, like, members, params, publish } from './lib/client.js';
import { summary } from './lib/report.js';
import { STATS, any, mix, number, steady, text, thresholds, zipf } from './lib/shape.js';

const quarters = ['first', 'second', 'third', 'last'];
const perQuarter = {};
for (const quarter of quarters) perQuarter[`http_req_duration{quarter:${quarter}}`] = ['p(99)<50'];

/** @type {import('k6/options').Options} */
export const options = {
  scenarios: { soak: steady('soak', number('RATE', 50), text('DURATION', '1h')) },
  thresholds: thresholds({ home: 50, publish: 100 }, perQuarter),
  summaryTrendStats: STATS,
  setupTimeout: '5m',
};

const choose = mix({ home: 90, publish: 4, comment: 2, like: 4 });
let item = null;

export function setup() {
  const all = members();
  return Object.assign({ members: all }, graph(all[0].token));
}

export function soak(data) {
  item = item || zipf(data.posts.length);
  const quarter = quarters[Math.min(3, Math.floor(exec.scenario.progress * 4))];
  const { token } = any(data.members);
  switch (choose()) {
    case 'publish': return publish(token);
    case 'comment': return comment(token, data.posts[item()]);
    case 'like': return like(token, data.posts[item()]);
    default: {
      const tagged = params('home', token);
      tagged.tags.quarter = quarter;
      const answer = http.get(`${BASE}/api/timeline/posts/followings?limit=20`, tagged);
      return check(answer, { 'home is 200': (a) => a.status === 200 });
    }
  }
}

// An access token is valid for an hour; a longer run needs a larger `authentication.access_token_seconds`.
export const handleSummary = summary('soak');
