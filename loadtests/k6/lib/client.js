// A client of dailyfeed. Each request has its route as a tag, so that the summary shows one line per route.
import http from 'k6/http';
import { check } from 'k6';
import { number, text } from './shape.js';

export const BASE = text('BASE_URL', 'http://127.0.0.1:8080').replace(/\/+$/, '');
/** The password of every seeded member. */
export const PASSWORD = text('PASSWORD', 'Passw0rd!');

const WORDS = ['한강', '자전거', '커피', '바람', '산책', '서울', '점심', '영화', '주말', '여행', '날씨', '사진'];
const ENGLISH = ['coffee', 'morning', 'river', 'weekend', 'music', 'release', 'garden', 'train'];

/** Returns a short text with a tag, Korean or sometimes English. */
export function sentence() {
  const word = (list) => list[Math.floor(Math.random() * list.length)];
  if (Math.random() < 0.2) return `A ${word(ENGLISH)} and a ${word(ENGLISH)} by the ${word(ENGLISH)}. #${word(ENGLISH)}`;
  return `오늘은 ${word(WORDS)}에서 ${word(WORDS)}을 생각했다. ${word(WORDS)}도 좋다. #${word(WORDS)}`;
}

/** Returns two words that seeded and written posts may contain. */
export function query() {
  const list = Math.random() < 0.2 ? ENGLISH : WORDS;
  const word = () => list[Math.floor(Math.random() * list.length)];
  return `${word()} ${word()}`;
}

/** Returns the headers and tags of a request. */
export function params(route, token, more = {}) {
  const headers = { 'Content-Type': 'application/json' };
  if (token) headers.Authorization = `Bearer ${token}`;
  return Object.assign({ headers, tags: { route, name: route } }, more);
}

/** Sends a request and checks that its status is one of `statuses`. */
export function ask(route, method, path, token, body, statuses = [200]) {
  const expected = { responseCallback: http.expectedStatuses(...statuses) };
  const sent = body === undefined ? null : JSON.stringify(body);
  const answer = http.request(method, BASE + path, sent, params(route, token, expected));
  check(answer, { [`${route} is ${statuses.join(' or ')}`]: (a) => statuses.includes(a.status) }, { route });
  return answer;
}

/** Returns the JSON of a response. @returns {any} */
export const json = (answer) => answer.json();

export const home = (token, limit = 20) => ask('home', 'GET', `/api/timeline/posts/followings?limit=${limit}`, token);
export const recent = (token, limit = 20) => ask('recent', 'GET', `/api/timeline/posts/recent?limit=${limit}`, token);
export const byAuthor = (token, id) => ask('author', 'GET', `/api/timeline/members/${id}/posts`, token, undefined, [200, 404]);
export const post = (token, id) => ask('post', 'GET', `/api/posts/${id}`, token, undefined, [200, 404]);
export const publish = (token, content = sentence()) => ask('publish', 'POST', '/api/posts', token, { content }, [201]);
export const comment = (token, id) =>
  ask('comment', 'POST', `/api/posts/${id}/comments`, token, { content: sentence().slice(0, 100) }, [201, 404]);
export const like = (token, id) => ask('like', 'PUT', `/api/posts/${id}/like`, token, undefined, [200, 404]);
export const search = (token, kind, q) =>
  ask('search', 'GET', `/api/search/${kind}?q=${encodeURIComponent(q)}&limit=20`, token);

/** Logs in. Returns null if the login is refused. */
export function login(email, password = PASSWORD) {
  const body = JSON.stringify({ email, password });
  const answer = http.post(`${BASE}/api/authentication/login`, body, params('login', null));
  if (answer.status === 429) {
    throw new Error('logins are limited (5 a minute from one address): run the server with DAILYFEED_LIMITS__ENABLED=false');
  }
  if (answer.status !== 200) return null;
  const { accessToken, member } = json(answer);
  return { id: member.id, token: accessToken };
}

/** Signs a new member up and returns its credentials. */
export function signUp() {
  const name = `k6_${Date.now().toString(36)}_${Math.floor(Math.random() * 1e9).toString(36)}`;
  const who = { email: `${name}@example.com`, password: PASSWORD, handle: name, memberName: '부하' };
  const answer = ask('signup', 'POST', '/api/authentication/signup', null, who, [201]);
  return answer.status === 201 ? who : null;
}

/**
 * Logs members in for a run: seeded ones, spread over all seeded members (MEMBERS of SEEDED), or without a seed new ones
 * who follow each other.
 */
export function members(count = number('MEMBERS', 20)) {
  const [first, seeded] = [number('FIRST', 0), number('SEEDED', 1000)];
  const found = [];
  for (let index = 0; index < count; index++) {
    const member = login(`seed${first + Math.floor((index * seeded) / count)}@example.com`);
    if (!member) break;
    found.push(member);
  }
  return found.length > 0 ? found : newcomers(count);
}

/** Signs up new members who all follow each other and have one post each. */
export function newcomers(count) {
  const made = [];
  for (let index = 0; index < count; index++) {
    const who = signUp();
    const member = who && login(who.email);
    if (!member) throw new Error('cannot sign a member up: seed the server, or set DAILYFEED_LIMITS__ENABLED=false');
    made.push(member);
  }
  for (const member of made) {
    publish(member.token);
    for (const other of made) {
      if (other.id !== member.id) ask('follow', 'PUT', `/api/members/${other.id}/follow`, member.token, undefined, [202, 204]);
    }
  }
  return made;
}

/** Returns the newest posts (at most `pages` of 100) and their authors, those with the most posts first. */
export function graph(token, pages = number('PAGES', 5)) {
  const [posts, written] = [[], {}];
  let cursor = '';
  for (let page = 0; page < pages; page++) {
    const answer = ask('recent', 'GET', `/api/timeline/posts/recent?limit=100${cursor}`, token);
    if (answer.status !== 200) break;
    const { items, nextCursor } = json(answer);
    for (const item of items) {
      posts.push(item.id);
      written[item.author.id] = (written[item.author.id] || 0) + 1;
    }
    if (!nextCursor) break;
    cursor = `&cursor=${encodeURIComponent(nextCursor)}`;
  }
  const authors = Object.keys(written).sort((a, b) => written[b] - written[a]).map(Number);
  return { posts, authors };
}
