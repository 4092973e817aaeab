// Many sign-ups and logins, open loop, while other members read their feeds: each password hash takes a core for 20 ms
// and must not delay the readers. The server must run with DAILYFEED_LIMITS__ENABLED=false.
import { ask, home, login, members, PASSWORD, signUp } from './lib/client.js';
import { summary } from './lib/report.js';
import { STATS, any, number, steady, text, thresholds } from './lib/shape.js';

const DURATION = text('DURATION', '30s');

/** @type {import('k6/options').Options} */
export const options = {
  scenarios: {
    signups: steady('newcomer', number('SIGNUPS', 10), DURATION),
    logins: steady('visitor', number('LOGINS', 20), DURATION),
    readers: steady('reader', number('RATE', 100), DURATION),
  },
  thresholds: thresholds({ signup: 1000, login: 1000, home: 100 }),
  summaryTrendStats: STATS,
  setupTimeout: '5m',
};

export function setup() {
  const who = signUp();
  return { members: members(number('MEMBERS', 10)), email: who.email };
}

export function newcomer() {
  const who = signUp();
  if (who) login(who.email);
}

export function visitor({ email }) {
  ask('login', 'POST', '/api/authentication/login', null, { email, password: PASSWORD });
}

export function reader(data) {
  home(any(data.members).token);
}

export const handleSummary = summary('auth');
