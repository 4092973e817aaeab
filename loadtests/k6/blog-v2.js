// The load of a published test of a similar feed, for comparison: 10 users, then 1 min to 10, 2 min at 10, 1 min to 50,
// 2 min at 50, 1 min to 100, 2 min at 100, 1 min to 0; each user sends four GETs, a second apart. That test reported
// p95 74.8 ms and 0.011 % failed at 46.5 requests/s. Like that test this is a closed loop, without a fixed rate.
// SPEED divides the duration: SPEED=10 takes one minute.
import { sleep } from 'k6';
import { ask, graph, home, members, post, recent } from './lib/client.js';
import { summary } from './lib/report.js';
import { STATS, any, number } from './lib/shape.js';

const minutes = (count) => `${Math.max(1, Math.round((60 * count) / number('SPEED', 1)))}s`;

/** @type {import('k6/options').Options} */
export const options = {
  scenarios: {
    blog: {
      executor: 'ramping-vus',
      startVUs: 10,
      gracefulRampDown: '10s',
      stages: [[1, 10], [2, 10], [1, 50], [2, 50], [1, 100], [2, 100], [1, 0]].map(([length, target]) => ({
        duration: minutes(length),
        target,
      })),
    },
  },
  thresholds: {
    http_req_duration: ['p(95)<74.8'],
    http_req_failed: ['rate<0.00011'],
    checks: ['rate>0.999'],
    'http_req_duration{route:home}': ['p(95)<74.8'],
    'http_req_duration{route:recent}': ['p(95)<74.8'],
    'http_req_duration{route:post}': ['p(95)<74.8'],
    'http_req_duration{route:comments}': ['p(95)<74.8'],
  },
  summaryTrendStats: STATS,
  setupTimeout: '5m',
};

export function setup() {
  const all = members();
  return Object.assign({ members: all }, graph(all[0].token, 1));
}

export default function (data) {
  const { token } = any(data.members);
  const id = any(data.posts);
  home(token);
  sleep(1);
  recent(token);
  sleep(1);
  post(token, id);
  sleep(1);
  ask('comments', 'GET', `/api/posts/${id}/comments`, token, undefined, [200, 404]);
  sleep(1);
}

export const handleSummary = summary('blog-v2');
