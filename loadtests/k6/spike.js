// From RATE to five times RATE in steps, and back. The server must refuse excess requests at once, by a 503 or 429 with
// Retry-After, and must answer the others fast.
import { check } from 'k6';
import http from 'k6/http';
import { BASE, members, params, sentence } from './lib/client.js';
import { summary } from './lib/report.js';
import { STATS, any, number, text, thresholds } from './lib/shape.js';

const RATE = Math.round(number('RATE', 100));
const STEP = text('STEP', '10s');
const steps = [1, 2, 3, 4, 5, 1];

/** @type {import('k6/options').Options} */
export const options = {
  scenarios: {
    spike: {
      executor: 'ramping-arrival-rate',
      exec: 'spike',
      startRate: RATE,
      timeUnit: '1s',
      preAllocatedVUs: Math.min(Math.max(RATE, 20), number('VUS', 1000)),
      maxVUs: number('VUS', 1000),
      stages: steps.flatMap((times) => [
        { target: RATE * times, duration: '1s' },
        { target: RATE * times, duration: STEP },
      ]),
    },
  },
  thresholds: thresholds({ home: 250, publish: 500 }),
  summaryTrendStats: STATS,
  setupTimeout: '5m',
};

export function setup() {
  return { members: members() };
}

export function spike(data) {
  const { token } = any(data.members);
  const writes = Math.random() < 0.1;
  const [route, right] = writes ? ['publish', 201] : ['home', 200];
  const body = writes ? JSON.stringify({ content: sentence() }) : null;
  const path = writes ? '/api/posts' : '/api/timeline/posts/followings?limit=20';
  const expected = { responseCallback: http.expectedStatuses(right, 429, 503) };
  const answer = http.request(writes ? 'POST' : 'GET', BASE + path, body, params(route, token, expected));
  const shed = answer.status === 503 || answer.status === 429;
  check(answer, {
    'served, or refused with Retry-After': (a) => a.status === right || (shed && a.headers['Retry-After'] !== undefined),
  });
}

export const handleSummary = summary('spike');
