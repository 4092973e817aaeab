// Runs scripts once without k6, against a running server: `node once.mjs smoke.js feed.js ...`, or all of them.
//
// Runs the setup of each script, and every function that its scenarios name (ROUNDS times each, 20 by default), one
// after the other, with the script's own checks. It shows that the scripts work; it measures nothing. Needs only node
// 18 or newer. It implements the parts of k6 that the scripts use: http.request, get, post, batch, expectedStatuses;
// check, sleep; Trend; the progress of execution.
import { Worker, MessageChannel, receiveMessageOnPort, isMainThread, workerData } from 'node:worker_threads';
import { mkdtempSync, readFileSync, readdirSync, rmSync, writeFileSync, mkdirSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';

const here = dirname(fileURLToPath(import.meta.url));
/** Milliseconds for one response; then the script fails. */
const TIMEOUT = 20_000;

if (isMainThread) await main();
else serve(workerData);

/** The sending thread: requests of k6 block, those of node return a promise, so the main thread waits for this one. */
function serve({ port, flag }) {
  const send = async ({ method, url, body, headers }) => {
    const answer = await fetch(url, { method, headers, body, signal: AbortSignal.timeout(TIMEOUT), redirect: 'follow' });
    const named = {};
    // k6 names headers in this form.
    for (const [name, value] of answer.headers) named[name.replace(/(^|-)[a-z]/g, (c) => c.toUpperCase())] = value;
    return { status: answer.status, body: await answer.text(), headers: named };
  };
  port.on('message', async (requests) => {
    const failed = (error) => ({ status: 0, body: '', headers: {}, error: String(error.cause || error) });
    port.postMessage(await Promise.all(requests.map((request) => send(request).catch(failed))));
    Atomics.store(flag, 0, 1);
    Atomics.notify(flag, 0);
  });
}

function client() {
  const { port1, port2 } = new MessageChannel();
  const flag = new Int32Array(new SharedArrayBuffer(4));
  const worker = new Worker(fileURLToPath(import.meta.url), { workerData: { port: port2, flag }, transferList: [port2] });
  const exchange = (requests) => {
    Atomics.store(flag, 0, 0);
    port1.postMessage(requests);
    if (Atomics.wait(flag, 0, 0, 2 * TIMEOUT) === 'timed-out') throw new Error('no answer');
    return receiveMessageOnPort(port1).message;
  };
  return { exchange, close: () => worker.terminate() };
}

/** Writes the modules that the scripts import, and copies of the scripts that import them. */
function installed(folder) {
  const modules = {
    'http.mjs': `const one = (method, url, body, params) => {
        const request = { method, url, body: body ?? undefined, headers: (params && params.headers) || {} };
        const [answer] = globalThis.k6.exchange([request]);
        const expected = (params && params.responseCallback) || ((status) => status >= 200 && status < 400);
        globalThis.k6.answered(method, url, answer, expected);
        answer.json = () => JSON.parse(answer.body);
        return answer;
      };
      export default {
        request: one,
        get: (url, params) => one('GET', url, null, params),
        post: (url, body, params) => one('POST', url, body, params),
        batch: (all) => all.map(({ method, url, body, params }) => one(method, url, body, params)),
        expectedStatuses: (...right) => (status) => right.includes(status),
      };`,
    'k6.mjs': `export const sleep = () => {};
      export const check = (value, checks) => {
        let whole = true;
        for (const name of Object.keys(checks)) whole = globalThis.k6.checked(name, checks[name], value) && whole;
        return whole;
      };`,
    'metrics.mjs': 'export class Trend { add() {} }',
    'execution.mjs': 'export default { scenario: { progress: 0.5 } };',
  };
  for (const [name, source] of Object.entries(modules)) writeFileSync(join(folder, name), source);
  const at = (path) => pathToFileURL(join(folder, path)).href;
  const urls = { k6: at('k6.mjs'), 'k6/http': at('http.mjs'), 'k6/metrics': at('metrics.mjs'), 'k6/execution': at('execution.mjs') };
  mkdirSync(join(folder, 'lib'));
  for (const name of [...readdirSync(here), ...readdirSync(join(here, 'lib')).map((file) => `lib/${file}`)]) {
    if (!name.endsWith('.js')) continue;
    const source = readFileSync(join(here, name), 'utf8');
    const known = source.replace(/from '(k6[^']*)'/g, (_, module) => {
      if (!urls[module]) throw new Error(`${name} imports ${module}, which once.mjs does not implement`);
      return `from '${urls[module]}'`;
    });
    writeFileSync(join(folder, name.replace(/\.js$/, '.mjs')), known.replace(/from '(\.[^']*)\.js'/g, "from '$1.mjs'"));
  }
  return at;
}

async function main() {
  const scripts = process.argv.slice(2);
  if (scripts.length === 0) scripts.push(...readdirSync(here).filter((name) => name.endsWith('.js')));
  const folder = mkdtempSync(join(tmpdir(), 'dailyfeed-k6-'));
  const { exchange, close } = client();
  const counted = { passed: 0, failed: 0 };
  // A failure repeats in every round, so each line is printed once.
  const printed = new Set();
  const say = (line) => printed.has(line) || (printed.add(line), console.log(line));
  const count = (right, what) => {
    counted[right ? 'passed' : 'failed']++;
    if (!right) say(`  failed: ${what}`);
    return right;
  };
  globalThis.__ENV = { ...process.env };
  globalThis.k6 = {
    exchange,
    checked: (name, rule, value) => {
      try {
        return count(Boolean(rule(value)), name);
      } catch (error) {
        return count(false, `${name}: ${error}`);
      }
    },
    answered: (method, url, answer, expected) => {
      if (!expected(answer.status)) say(`  ${method} ${new URL(url).pathname}: ${answer.status} ${answer.error || ''}`);
    },
  };
  try {
    const at = installed(folder);
    for (const name of scripts) {
      const before = counted.passed + counted.failed;
      try {
        await once(await import(at(name.replace(/\.js$/, '.mjs'))), Number(process.env.ROUNDS || 20));
      } catch (error) {
        count(false, `${name}: ${error.stack}`);
      }
      console.log(`${name}: ${counted.passed + counted.failed - before} checks`);
    }
  } finally {
    await close();
    rmSync(folder, { recursive: true });
  }
  console.log(`script checks: ${counted.passed} passed, ${counted.failed} failed`);
  process.exitCode = counted.failed === 0 && counted.passed > 0 ? 0 : 1;
}

async function once(script, rounds) {
  // As in k6, the functions receive the result of setup as JSON.
  const data = JSON.parse(JSON.stringify((script.setup && script.setup()) ?? null));
  for (const scenario of Object.values(script.options.scenarios)) {
    const run = script[scenario.exec || 'default'];
    if (!run) throw new Error(`no function ${scenario.exec}`);
    for (let round = 0; round < (scenario.iterations || rounds); round++) run(data);
  }
  if (typeof script.handleSummary !== 'function') throw new Error('no handleSummary');
  script.handleSummary({ metrics: {} });
}
