// Runs a browser's `EventSource` behind a proxy that is restarted: with one ticket it receives every post exactly once.
// Needs a built server (target/debug/dailyfeed, or BINARY) and Chromium (CHROMIUM, else `chromium` on the path).
// Ends with `browser checks: N passed, N failed`.
import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, rm } from "node:fs/promises";
import http from "node:http";
import net from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";

const BINARY = process.env.BINARY ?? "target/debug/dailyfeed";
const CHROMIUM = process.env.CHROMIUM ?? "chromium";
const ROUNDS = 3;
const TIMEOUT_MS = 120_000;

let passed = 0, failed = 0;
function check(name, holds) {
  holds ? passed++ : failed++;
  console.log(`${holds ? "ok  " : "FAIL"} ${name}`);
}

const reports = []; // Reports of the page in their order of arrival.
let wake = () => {};
function record(report) {
  reports.push(report);
  wake();
}
// Waits until a condition holds; it is checked after every report.
async function until(name, condition) {
  const deadline = Date.now() + TIMEOUT_MS;
  while (!condition()) {
    if (Date.now() > deadline) throw new Error(`timeout: ${name}: ${JSON.stringify(reports.slice(-20))}`);
    await new Promise((resolve) => {
      wake = resolve;
      setTimeout(resolve, 1_000);
    });
  }
}

// Serves the page on its own origin and receives its reports.
let stream = "";
const page = () => `<!doctype html><title>stream</title><script>
  let number = 0;
  const report = (what) => fetch("/reports", { method: "POST", body: JSON.stringify({ ...what, number: number++ }) });
  const source = new EventSource(${JSON.stringify(stream)});
  for (const name of ["ready", "post.created", "reset"])
    source.addEventListener(name, (event) => report({ name, id: JSON.parse(event.data).id }));
  source.onerror = () => report({ name: "error", closed: source.readyState === EventSource.CLOSED });
</script>`;
const pages = http.createServer((request, response) => {
  if (request.method === "POST") {
    let body = "";
    request.on("data", (chunk) => (body += chunk));
    request.on("end", () => {
      record(JSON.parse(body));
      response.writeHead(204).end();
    });
  } else {
    response.writeHead(request.url === "/" ? 200 : 404, { "content-type": "text/html" }).end(page());
  }
});
await once(pages.listen(0, "127.0.0.1"), "listening");
const origin = `http://127.0.0.1:${pages.address().port}`;

// A proxy that forwards bytes and can be killed together with its connections.
class Proxy {
  constructor(to) {
    this.to = to;
    this.port = 0;
  }
  async start() {
    this.connections = new Set();
    this.server = net.createServer((client) => {
      const server = net.connect(this.to, "127.0.0.1");
      for (const [one, other] of [[client, server], [server, client]]) {
        this.connections.add(one);
        one.on("error", () => other.destroy());
        one.on("close", () => other.destroy());
        one.pipe(other);
      }
    });
    await once(this.server.listen(this.port, "127.0.0.1"), "listening");
    this.port = this.server.address().port;
  }
  async kill() {
    for (const connection of this.connections) connection.destroy();
    await new Promise((resolve) => this.server.close(resolve));
  }
}

const folder = await mkdtemp(join(tmpdir(), "dailyfeed-browser-"));
const server = spawn(BINARY, [], {
  stdio: ["ignore", "pipe", "inherit"],
  env: {
    ...process.env,
    DAILYFEED_DATA_DIR: join(folder, "data"),
    DAILYFEED_HTTP__LISTEN: "127.0.0.1:0",
    DAILYFEED_ADMIN__LISTEN: "127.0.0.1:0",
    DAILYFEED_HTTP__CORS_ORIGINS: origin,
    DAILYFEED_LIMITS__ENABLED: "false",
    DAILYFEED_LOG__LEVEL: "warn",
  },
});
let browser;
try {
  let output = "";
  server.stdout.on("data", (chunk) => {
    output += chunk;
    wake();
  });
  await until("the server's start", () => output.includes("/metrics"));
  const base = output.match(/^API +(http:\S+)\/api$/m)[1];

  async function send(path, body, token) {
    const headers = { "content-type": "application/json", ...(token && { authorization: `Bearer ${token}` }) };
    const answer = await fetch(base + path, { method: "POST", headers, body: JSON.stringify(body) });
    if (!answer.ok) throw new Error(`${path}: ${answer.status} ${await answer.text()}`);
    return answer.json();
  }
  const who = { email: "browser@example.com", password: "Passw0rd!" };
  await send("/api/authentication/signup", { ...who, handle: "browser", memberName: "브라우저" });
  const { accessToken } = await send("/api/authentication/login", who);
  const { ticket } = await send("/api/timeline/stream/ticket", {}, accessToken);

  const proxy = new Proxy(new URL(base).port);
  await proxy.start();
  stream = `http://127.0.0.1:${proxy.port}/api/timeline/stream?ticket=${ticket}`;
  const flags = ["--headless=new", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--no-first-run"];
  browser = spawn(CHROMIUM, [...flags, `--user-data-dir=${join(folder, "profile")}`, `${origin}/`], { stdio: "ignore" });
  const count = (name) => reports.filter((report) => report.name === name).length;
  await until("the first stream", () => count("ready") > 0);
  check("the browser opens a stream with a ticket", true);

  const posts = [];
  async function write(times) {
    for (let time = 0; time < times; time++) {
      posts.push((await send("/api/posts", { content: `글 ${posts.length}` }, accessToken)).id);
    }
  }
  // Reports may arrive in another order than the page sent them.
  const in_order = () => reports.toSorted((one, other) => one.number - other.number);
  const received = () => in_order().filter((report) => report.name === "post.created").map((report) => report.id);
  const all = () => posts.every((id) => received().includes(id));
  for (let round = 1; round <= ROUNDS; round++) {
    await write(5);
    await until(`round ${round}: live posts`, all);
    const ready = count("ready");
    await proxy.kill();
    await write(5);
    await proxy.start();
    await write(5);
    await until(`round ${round}: the stream is open again`, () => count("ready") > ready);
    await until(`round ${round}: missed posts`, all);
    check(`round ${round}: every post arrived`, true);
  }
  const [is, should] = [JSON.stringify(received()), JSON.stringify(posts)];
  check("every post arrives exactly once, in order", is === should);
  if (is !== should) console.log(`received ${is}\ncreated ${should}`);
  check("no reset", count("reset") === 0);
  check("the browser never gave up", reports.every((report) => !report.closed));
  await proxy.kill();
} catch (error) {
  check(error.message, false);
} finally {
  const ended = [browser, server].filter(Boolean).map(async (child) => {
    if (child.exitCode === null) {
      const exit = once(child, "exit");
      child.kill();
      await exit;
    }
  });
  await Promise.all(ended);
  pages.closeAllConnections();
  pages.close();
  await rm(folder, { recursive: true, force: true, maxRetries: 5 });
}
console.log(`browser checks: ${passed} passed, ${failed} failed`);
process.exitCode = failed ? 1 : 0;
