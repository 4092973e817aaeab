// One author whom every member follows: `dailyfeed seed --members 31001 --follows 5 --celebrity` gives seed0 31,000
// followers. The author posts at a constant rate; after each post a sample of followers reads at once, and `visible_ms`
// is the time from the acknowledgement until the feeds of all of them contain the post.
import http from 'k6/http';
import { check } from 'k6';
import { Trend } from 'k6/metrics';
import { BASE, ask, home, json, login, members, params, publish } from './lib/client.js';
import { summary } from './lib/report.js';
import { STATS, any, number, steady, text, thresholds } from './lib/shape.js';

const visible = new Trend('visible_ms', true);
const SAMPLE = number('SAMPLE', 10);
/** Maximum reads of one follower before a post counts as missing. */
const TRIES = 50;

/** @type {import('k6/options').Options} */
export const options = {
  scenarios: {
    author: steady('author', number('POSTS', 2), text('DURATION', '30s')),
    followers: steady('follower', number('RATE', 100), text('DURATION', '30s')),
  },
  thresholds: thresholds({ home: 50, publish: 100 }, { visible_ms: ['p(99)<200'] }),
  summaryTrendStats: STATS,
  setupTimeout: '5m',
};

export function setup() {
  const all = members();
  const celebrity = login(text('AUTHOR', 'seed0@example.com')) || all[0];
  const profile = ask('profile', 'GET', `/api/members/${celebrity.id}`, celebrity.token);
  const followers = json(profile).followerCount;
  if (followers < number('FOLLOWERS', 0)) throw new Error(`the author has ${followers} followers, too few`);
  const readers = all.filter((member) => member.id !== celebrity.id);
  for (const { token } of readers) ask('follow', 'PUT', `/api/members/${celebrity.id}/follow`, token, undefined, [204]);
  return { celebrity, followers: readers };
}

export function author({ celebrity, followers }) {
  const answer = publish(celebrity.token);
  if (answer.status !== 201) return;
  const begun = Date.now();
  const { id } = json(answer);
  let waiting = Array.from({ length: Math.min(SAMPLE, followers.length) }, () => any(followers));
  for (let tries = 0; waiting.length > 0 && tries < TRIES; tries++) {
    const requests = waiting.map(({ token }) => ({
      method: 'GET',
      url: `${BASE}/api/timeline/posts/followings?limit=20`,
      params: params('home', token),
    }));
    const pages = http.batch(requests);
    waiting = waiting.filter((_, at) => !String(pages[at].body).includes(`"id":${id},`));
  }
  if (check(waiting, { 'every follower sees the post': (w) => w.length === 0 })) visible.add(Date.now() - begun);
}

export function follower({ followers }) {
  home(any(followers).token);
}

export const handleSummary = summary('celebrity');
