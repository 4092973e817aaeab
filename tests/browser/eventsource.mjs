// A real browser's `EventSource` behind a proxy that is restarted: with one ticket it gets every post exactly once.
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
const PATIENCE_MS = 120_000;

let passed = 0, failed = 0;
function check(name, holds) {
  holds ? passed++ : failed++;
  console.log(`${holds ? "ok  " : "FAIL"} ${name}`);
}

const told = []; // What the page says, in order.
let wake = () => {};
function say(what) {
  told.push(what);
  wake();
}
// Waits until what was told satisfies a condition.
async function until(name, condition) {
  const late = Date.now() + PATIENCE_MS;
  while (!condition()) {
    if (Date.now() > late) throw new Error(`${name} did not come to pass: ${JSON.stringify(told.slice(-20))}`);
    await new Promise((resolve) => {
      wake = resolve;
      setTimeout(resolve, 1_000);
    });
  }
}

// The page, on an origin of its own, and where it says what it hears.
let stream = "";
const page = () => `<!doctype html><title>stream</title><script>
  let number = 0;
  const say = (what) => fetch("/told", { method: "POST", body: JSON.stringify({ ...what, number: number++ }) });
  const source = new EventSource(${JSON.stringify(stream)});
  for (const name of ["ready", "post.created", "reset"])
    source.addEventListener(name, (event) => say({ name, id: JSON.parse(event.data).id }));
  source.onerror = () => say({ name: "error", closed: source.readyState === EventSource.CLOSED });
</script>`;
const pages = http.createServer((request, response) => {
  if (request.method === "POST") {
    let body = "";
    request.on("data", (chunk) => (body += chunk));
    request.on("end", () => {
      say(JSON.parse(body));
      response.writeHead(204).end();
    });
  } else {
    response.writeHead(request.url === "/" ? 200 : 404, { "content-type": "text/html" }).end(page());
  }
});
await once(pages.listen(0, "127.0.0.1"), "listening");
const origin = `http://127.0.0.1:${pages.address().port}`;

// The proxy: passes bytes on, and can be killed with every line it has.
class Proxy {
  constructor(to) {
    this.to = to;
    this.port = 0;
  }
  async start() {
    this.lines = new Set();
    this.server = net.createServer((client) => {
      const server = net.connect(this.to, "127.0.0.1");
      for (const [one, other] of [[client, server], [server, client]]) {
        this.lines.add(one);
        one.on("error", () => other.destroy());
        one.on("close", () => other.destroy());
        one.pipe(other);
      }
    });
    await once(this.server.listen(this.port, "127.0.0.1"), "listening");
    this.port = this.server.address().port;
  }
  async kill() {
    for (const line of this.lines) line.destroy();
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
  let said = "";
  server.stdout.on("data", (chunk) => {
    said += chunk;
    wake();
  });
  await until("the server's start", () => said.includes("/metrics"));
  const base = said.match(/^API +(http:\S+)\/api$/m)[1];

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
  const count = (name) => told.filter((what) => what.name === name).length;
  await until("the first stream", () => count("ready") > 0);
  check("the browser opens a stream with a ticket", true);

  const written = [];
  async function write(times) {
    for (let time = 0; time < times; time++) {
      written.push((await send("/api/posts", { content: `글 ${written.length}` }, accessToken)).id);
    }
  }
  // What the page says may arrive in another order than it was said in.
  const in_order = () => told.toSorted((one, other) => one.number - other.number);
  const heard = () => in_order().filter((what) => what.name === "post.created").map((what) => what.id);
  const all = () => written.every((id) => heard().includes(id));
  for (let round = 1; round <= ROUNDS; round++) {
    await write(5);
    await until(`round ${round}: live posts`, all);
    const ready = count("ready");
    await proxy.kill();
    await write(5);
    await proxy.start();
    await write(5);
    await until(`round ${round}: the line is back`, () => count("ready") > ready);
    await until(`round ${round}: missed posts`, all);
    check(`round ${round}: nothing is missed`, true);
  }
  const [is, should] = [JSON.stringify(heard()), JSON.stringify(written)];
  check("every post comes exactly once, in order", is === should);
  if (is !== should) console.log(`heard ${is}\nwritten ${should}`);
  check("no reset", count("reset") === 0);
  check("the browser never gave up", told.every((what) => !what.closed));
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
