// Runs a client by openapi-typescript and openapi-fetch against a server. BASE_URL is the URL of the server.
import createClient from "openapi-fetch";
import type { components, paths } from "./api.js";

type Schemas = components["schemas"];

const baseUrl = process.env["BASE_URL"] ?? "http://127.0.0.1:8080";
const PASSWORD = "Passw0rd!";
/** Limit of every wait in milliseconds. */
const PATIENCE = 30_000;
let passed = 0;
let failed = 0;

function check(what: string, holds: boolean, actual?: unknown): void {
  if (holds) {
    passed += 1;
  } else {
    failed += 1;
    console.log(`FAILED: ${what}`, JSON.stringify(actual));
  }
}

function given<T>(what: string, value: T | undefined | null, actual?: unknown): T {
  if (value === undefined || value === null) throw new Error(`${what}: ${JSON.stringify(actual)}`);
  return value;
}

/** Polls until there is a result: search and notifications follow a write after a moment. */
async function until<T>(what: string, poll: () => Promise<T | undefined>): Promise<T> {
  const end = Date.now() + PATIENCE;
  for (;;) {
    const answer = await poll();
    if (answer !== undefined) return answer;
    if (Date.now() > end) throw new Error(`never: ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
}

function client(token?: string) {
  return createClient<paths>({ baseUrl, headers: token ? { Authorization: `Bearer ${token}` } : {} });
}

async function member(name: string) {
  const handle = `${name}_${Math.random().toString(36).slice(2, 12)}`;
  const email = `${handle}@example.com`;
  const signedUp = await client().POST("/api/authentication/signup", {
    params: { header: { "Idempotency-Key": handle, "Accept-Language": "ko" } },
    body: { email, password: PASSWORD, handle, memberName: "시험", gender: "OTHER", bio: null },
  });
  const me: Schemas["Me"] = given("sign-up", signedUp.data, signedUp.error);
  check(`${name} is signed up`, signedUp.response.status === 201 && me.handle === handle && me.gender === "OTHER");
  check("a signup has its location", signedUp.response.headers.get("location") === `/api/members/${me.id}`);
  const loggedIn = await client().POST("/api/authentication/login", { body: { email, password: PASSWORD } });
  const token = given("login", loggedIn.data, loggedIn.error).accessToken;
  return { id: me.id, handle, email, token, api: client(token) };
}

// A value outside an enum does not compile.
const wrongGender: Schemas["ChangeProfile"] = {
  // @ts-expect-error
  gender: "male",
};
const unknownMember: Schemas["ChangeProfile"] = {
  // @ts-expect-error
  admin: true,
};
const nameCleared: Schemas["ChangeProfile"] = {
  // @ts-expect-error
  memberName: null,
};
// @ts-expect-error
const noCode: Schemas["ProblemCode"] = "NO_SUCH_CODE";
// @ts-expect-error
const noType: Schemas["NotificationType"] = "POKE";
void [wrongGender, unknownMember, nameCleared, noCode, noType];

const PNG = Buffer.from(
  "iVBORw0KGgoAAAANSUhEUgAAAAgAAAAICAIAAABLbSncAAAAEUlEQVR42mM4IWeDFTEMLQkAd2xIgbfXr88AAAAASUVORK5CYII=",
  "base64",
);

const [jiwoo, minsu] = [await member("jiwoo"), await member("minsu")];

// A post with an image.
const sent = await minsu.api.POST("/api/images", {
  body: { image: new Blob([PNG], { type: "image/png" }), purpose: "post" },
  bodySerializer: (body) => {
    const form = new FormData();
    form.append("purpose", body.purpose);
    form.append("image", body.image, "dot.png");
    return form;
  },
});
const image: Schemas["Image"] = given("image", sent.data, sent.error);
check("an upload returns 201", sent.response.status === 201 && image.width === 8);
const shown = await fetch(new URL(image.url, baseUrl));
check("an image is shown", shown.status === 200 && shown.headers.get("content-type") === image.contentType);
const written = await minsu.api.POST("/api/posts", {
  body: { content: `한강 산책 #서울 @${jiwoo.handle}`, imageIds: [image.id] },
});
const post: Schemas["Post"] = given("post", written.data, written.error);
check("a post has its image and its tag", post.images[0]?.id === image.id && post.tags[0]?.tag === "서울", post);
const writeToken = given("write token", written.response.headers.get("x-write-token"));

// Follows, feeds, comments and likes.
const followed = await jiwoo.api.PUT("/api/members/{id}/follow", { params: { path: { id: minsu.id } } });
check("a public member is followed at once", followed.response.status === 204);
const home = await jiwoo.api.GET("/api/timeline/posts/followings", { params: { query: { limit: 10 } } });
check("the home feed has the post", home.data?.items.some((item) => item.id === post.id) === true, home.error);
const commented = await jiwoo.api.POST("/api/posts/{id}/comments", {
  params: { path: { id: post.id } },
  body: { content: "좋아요!" },
});
const comment: Schemas["Comment"] = given("comment", commented.data, commented.error);
check("a comment has its author", comment.author?.id === jiwoo.id && comment.parentId === null);
const liked = await jiwoo.api.PUT("/api/posts/{id}/like", { params: { path: { id: post.id } } });
check("a like is counted", liked.data?.liked === true && liked.data.likeCount === 1, liked.error);

// Searches and notifications.
const found = await jiwoo.api.GET("/api/search/posts", {
  params: { query: { q: "한강", author: `@${minsu.handle}`, sort: "recent", consistentWith: writeToken } },
});
check("a search finds the post", found.data?.items[0]?.post.id === post.id, found.error ?? found.data);
check("a search highlights the word", found.data?.items[0]?.highlights.content?.includes("<mark>") === true);
const notification = await until("a notification of the like", async () => {
  const { data } = await minsu.api.GET("/api/notifications", { params: { query: { group: false } } });
  return data?.items.find((item) => item.type === "LIKE_POST");
});
check("a notification has its actor and post", notification.actor.id === jiwoo.id && notification.postId === post.id && notification.unread);

// Types of problems.
const nowhere = await jiwoo.api.GET("/api/posts/{id}", { params: { path: { id: 5 } } });
check("404 is a problem", nowhere.response.status === 404 && nowhere.error?.code === "POST_NOT_FOUND", nowhere);
const empty = await jiwoo.api.POST("/api/authentication/logout-all", {}).then(() =>
  client().POST("/api/authentication/signup", {
    body: { email: "no", password: "short", handle: "a", memberName: "x" },
  }),
);
if (empty.error?.code === "VALIDATION_FAILED") {
  // Only this problem always has field errors.
  const fields: string[] = empty.error.errors.map((error) => error.field);
  check("422 names the fields", ["email", "password", "handle", "memberName"].every((name) => fields.includes(name)));
} else {
  check("422 is a problem", false, empty.error);
}
const revoked = await until("a session ends", async () => {
  const answer = await jiwoo.api.GET("/api/members/me");
  return answer.error?.code === "TOKEN_REVOKED" ? answer : undefined;
});
check("401 has its code", revoked.response.status === 401);

// Pages.
for (const number of [1, 2, 3, 4]) await minsu.api.POST("/api/posts", { body: { content: `글 ${number}`, title: null } });
const listed: number[] = [];
let cursor: string | null = null;
do {
  const query: { limit: number; cursor?: string } = cursor === null ? { limit: 2 } : { limit: 2, cursor };
  const page = given("page", (await minsu.api.GET("/api/timeline/posts/mine", { params: { query } })).data);
  listed.push(...page.items.map((item) => item.id));
  cursor = page.nextCursor;
} while (cursor !== null);
check("pages list every post once", listed.length === 5 && new Set(listed).size === 5 && listed.at(-1) === post.id, listed);

// Conditional requests.
const read = await minsu.api.GET("/api/posts/{id}", { params: { path: { id: post.id } } });
const tag = given("ETag", read.response.headers.get("etag"));
const known = await minsu.api.GET("/api/posts/{id}", {
  params: { path: { id: post.id }, header: { "If-None-Match": tag } },
});
check("a known ETag gets 304", known.response.status === 304);

// The stream and the types of its events.
const ticket = given("ticket", (await minsu.api.POST("/api/timeline/stream/ticket")).data).ticket;
const stop = new AbortController();
const stream = await fetch(`${baseUrl}/api/timeline/stream?ticket=${ticket}`, { signal: stop.signal });
let text = "";
let ready = false;
let created: Schemas["Post"] | undefined;
for await (const chunk of given("stream", stream.body).pipeThrough(new TextDecoderStream())) {
  text += chunk;
  for (let end = text.indexOf("\n\n"); end >= 0; end = text.indexOf("\n\n")) {
    const lines = text.slice(0, end).split("\n");
    text = text.slice(end + 2);
    const field = (name: string) => lines.find((line) => line.startsWith(`${name}: `))?.slice(name.length + 2);
    if (field("data") === undefined) continue;
    const data: unknown = JSON.parse(given("data", field("data")));
    const event = { id: field("id"), event: field("event"), data } as Schemas["TimelineStreamEvent"];
    if (event.event === "ready" && event.data.cursor === event.id) {
      ready = true;
      await minsu.api.POST("/api/posts", { body: { content: "살아 있는 글" } });
    }
    if (event.event === "post.created") created = event.data;
  }
  if (created) break;
}
stop.abort();
check("a stream starts with ready", ready);
check("a stream delivers the post", created?.content === "살아 있는 글" && created.author.id === minsu.id, created);

console.log(`typescript checks: ${passed} passed, ${failed} failed`);
process.exit(failed === 0 ? 0 : 1);
