// Queries of two words for the 20 best results, open loop: mostly posts, sometimes comments and members.
import { members, query, search } from './lib/client.js';
import { summary } from './lib/report.js';
import { STATS, any, mix, number, steady, text, thresholds } from './lib/shape.js';

/** @type {import('k6/options').Options} */
export const options = {
  scenarios: { search: steady('find', number('RATE', 100), text('DURATION', '30s')) },
  thresholds: thresholds({ search: 50 }),
  summaryTrendStats: STATS,
  setupTimeout: '5m',
};

const choose = mix({ posts: 90, comments: 5, members: 5 });

export function setup() {
  return { members: members(number('MEMBERS', 10)) };
}

export function find(data) {
  const kind = choose();
  search(any(data.members).token, kind, kind === 'members' ? query().split(' ')[0] : query());
}

export const handleSummary = summary('search');
