// Calls every main route once, in the order of a first visit: sign up, follow, write, read, log out. Takes seconds and
// stays within the default limits, so it needs neither a seed nor special settings.
import { check } from 'k6';
import http from 'k6/http';
import { BASE, ask, comment, home, json, like, login, post, publish, recent, signUp } from './lib/client.js';
import { summary } from './lib/report.js';
import { STATS } from './lib/shape.js';

/** @type {import('k6/options').Options} */
export const options = {
  scenarios: { smoke: { executor: 'per-vu-iterations', vus: 1, iterations: 1, maxDuration: '60s' } },
  thresholds: { checks: ['rate==1'], http_req_failed: ['rate==0'] },
  summaryTrendStats: STATS,
};

export default function () {
  check(http.get(`${BASE}/health/ready`), { 'the server is ready': (a) => a.status === 200 });
  const [writer, reader] = [signUp(), signUp()].map((who) => login(who.email));
  check(reader, { 'a new member can log in': (m) => m !== null && m.token.length > 0 });
  ask('follow', 'PUT', `/api/members/${writer.id}/follow`, reader.token, undefined, [204]);

  const written = json(publish(writer.token, '안녕하세요, 첫 소식입니다 #처음'));
  const feed = json(home(reader.token));
  check(feed, {
    'a post is in its follower\'s feed at once': (f) => f.items.length === 1 && f.items[0].id === written.id,
    'a page has a stream cursor': (f) => f.streamCursor.length > 0,
  });
  like(reader.token, written.id);
  comment(reader.token, written.id);
  check(json(post(writer.token, written.id)), {
    'a like is counted': (p) => p.likeCount === 1,
    'a comment is counted': (p) => p.commentCount === 1,
  });
  recent(reader.token);
  ask('mine', 'GET', '/api/timeline/posts/mine', writer.token);
  ask('comments', 'GET', `/api/posts/${written.id}/comments`, reader.token);
  ask('me', 'GET', '/api/members/me', reader.token);
  ask('followers', 'GET', `/api/members/${writer.id}/followers`, writer.token);
  ask('ticket', 'POST', '/api/timeline/stream/ticket', reader.token);
  ask('openapi', 'GET', '/api/openapi.json');

  const anonymous = http.get(`${BASE}/api/timeline/posts/followings`, {
    responseCallback: http.expectedStatuses(401),
    tags: { route: 'anonymous', name: 'anonymous' },
  });
  check(anonymous, {
    'a request without a token is refused': (a) => a.status === 401,
    'a refusal is a problem document': (a) => json(a).code === 'BEARER_TOKEN_MISSING',
  });
  ask('delete', 'DELETE', `/api/posts/${written.id}`, writer.token, undefined, [204]);
  check(json(home(reader.token)), { 'a deleted post disappears from feeds at once': (f) => f.items.length === 0 });
  ask('logout', 'POST', '/api/authentication/logout', reader.token, undefined, [204]);
}

export const handleSummary = summary('smoke');
