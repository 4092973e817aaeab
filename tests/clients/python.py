"""Runs a client by openapi-python-client against a server. BASE_URL is the URL of the server."""

import base64
import json
import os
import sys
import time
import uuid
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from http import HTTPStatus
from io import BytesIO
from typing import TypeVar

from dailyfeed_client import AuthenticatedClient, Client
from dailyfeed_client.api.activity import count_unread, list_activities, list_notifications
from dailyfeed_client.api.authentication import log_in, log_out, sign_up
from dailyfeed_client.api.comments import create_comment
from dailyfeed_client.api.follows import follow
from dailyfeed_client.api.images import send_image
from dailyfeed_client.api.members import change_profile, show_me
from dailyfeed_client.api.posts import create_post, edit_post, like_post, show_post
from dailyfeed_client.api.search import search_posts
from dailyfeed_client.api.timeline import home_feed, most_popular, my_feed
from dailyfeed_client.models import (
    ActivityPage,
    ActivityType,
    ChangeProfile,
    Comment,
    FeedPage,
    FoundPostPage,
    Gender,
    Image,
    ImagePurpose,
    Like,
    LoggedIn,
    LogIn,
    Me,
    MemberHandleAlreadyExistsProblem,
    Notification,
    NotificationPage,
    NotificationType,
    Post,
    PostCreatedEvent,
    PostNotFoundProblem,
    PostUpdateForbiddenProblem,
    ReadyEvent,
    SendImage,
    SignUp,
    TokenRevokedProblem,
    UnreadCount,
    ValidationFailedProblem,
    WriteComment,
    WritePost,
)
from dailyfeed_client.types import UNSET, File, Unset

BASE = os.environ.get("BASE_URL", "http://127.0.0.1:8080")
PASSWORD = "Passw0rd!"
TIMEOUT_S = 30.0
PNG = base64.b64decode(
    "iVBORw0KGgoAAAANSUhEUgAAAAgAAAAICAIAAABLbSncAAAAEUlEQVR42mM4IWeDFTEMLQkAd2xIgbfXr88AAAAASUVORK5CYII="
)

T = TypeVar("T")
results: list[bool] = []


def check(what: str, holds: bool, actual: object = None) -> None:
    results.append(holds)
    if not holds:
        print(f"FAILED: {what}", actual)


def of(kind: type[T], answer: object) -> T:
    """Asserts the type of a response; every problem has its own type."""
    assert isinstance(answer, kind), answer
    return answer


def until(what: str, poll: Callable[[], T | None]) -> T:
    """Polls until there is a result: search and notifications follow a write after a moment."""
    end = time.monotonic() + TIMEOUT_S
    while (answer := poll()) is None:
        assert time.monotonic() < end, f"timeout: {what}"
        time.sleep(0.05)
    return answer


@dataclass
class Member:
    id: int
    handle: str
    api: AuthenticatedClient


def member(name: str) -> Member:
    handle = f"{name}_{uuid.uuid4().hex[:12]}"
    client = Client(base_url=BASE)
    body = SignUp(
        email=f"{handle}@example.com",
        password=PASSWORD,
        handle=handle,
        member_name="시험",
        gender=Gender.PREFER_NOT_TO_SAY,
        bio=None,
    )
    me = of(Me, sign_up.sync(client=client, body=body, idempotency_key=handle, accept_language="ko"))
    check(f"{name} is signed up", me.handle == handle and me.gender is Gender.PREFER_NOT_TO_SAY)
    again = sign_up.sync(client=client, body=body, idempotency_key=handle)
    check("a repeat gets the same response", again == me, again)
    taken = SignUp(email=f"x{handle}@example.com", password=PASSWORD, handle=handle, member_name="시험")
    problem = sign_up.sync(client=client, body=taken)
    check("409 has its type", isinstance(problem, MemberHandleAlreadyExistsProblem), problem)
    login = of(LoggedIn, log_in.sync(client=client, body=LogIn(email=f"{handle}@example.com", password=PASSWORD)))
    return Member(me.id, handle, AuthenticatedClient(base_url=BASE, token=login.access_token))


jiwoo, minsu = member("jiwoo"), member("minsu")

# A post with an image.
form = SendImage(image=File(BytesIO(PNG), "dot.png", "image/png"), purpose=ImagePurpose.POST)
image = of(Image, send_image.sync(client=minsu.api, body=form))
shown = minsu.api.get_httpx_client().get(image.url)
check("an image is shown", shown.headers["content-type"] == image.content_type.value and len(shown.content) > 0)
text = f"한강 산책 #서울 @{jiwoo.handle}"
made = create_post.sync_detailed(client=minsu.api, body=WritePost(content=text, image_ids=[image.id]))
post = of(Post, made.parsed)
check("a post has its image", [image.id for image in post.images] == [image.id])
check("a post has its tag", [tag.tag for tag in post.tags] == ["서울"])
check("a post has no title", post.title is None and post.edited_at is None)
check("a post has its creation time", post.created_at.tzinfo is not None)

# Follows, feeds, comments and likes.
check("a follow returns 204", follow.sync_detailed(minsu.id, client=jiwoo.api).status_code == HTTPStatus.NO_CONTENT)
feed = of(FeedPage, home_feed.sync(client=jiwoo.api, limit=10))
check("the home feed has the post", post.id in [item.id for item in feed.items])
comment = of(Comment, create_comment.sync(post.id, client=jiwoo.api, body=WriteComment(content="좋아요!")))
check("a comment has its author", comment.author is not None and comment.author.id == jiwoo.id)
check("a created comment has no list of replies", isinstance(comment.replies, Unset))
like = of(Like, like_post.sync(post.id, client=jiwoo.api))
check("a like is counted", like.liked and like.like_count == 1)
of(FeedPage, most_popular.sync(client=jiwoo.api))

# The profile: an absent field is kept, null clears it.
profile = ChangeProfile(bio="커피와 산책", location="서울")
check("a patch changes the profile", of(Me, change_profile.sync(client=minsu.api, body=profile)).bio == "커피와 산책")
cleared = of(Me, change_profile.sync(client=minsu.api, body=ChangeProfile(bio=None)))
check("null clears a field and an absent field is kept", cleared.bio is None and cleared.location == "서울")

# Searches, notifications and activities.
found = of(
    FoundPostPage,
    search_posts.sync(client=jiwoo.api, q="한강", author=str(minsu.id), consistent_with=made.headers["x-write-token"]),
)
check("a search finds the post", [item.post.id for item in found.items] == [post.id])
check("a search highlights the word", "<mark>" in str(found.items[0].highlights.content))
check("a field without the word has no highlight", found.items[0].highlights.title is UNSET)


def first_notification() -> Notification | None:
    page = of(NotificationPage, list_notifications.sync(client=minsu.api))
    return next((item for item in page.items if item.type_ is NotificationType.LIKE_POST), None)


notification = until("a notification of the like", first_notification)
check("a notification has its actor and post", (notification.actor.id, notification.post_id) == (jiwoo.id, post.id))
check("notifications are counted", of(UnreadCount, count_unread.sync(client=minsu.api)).count >= 2)
done = of(ActivityPage, list_activities.sync(client=jiwoo.api, type_=ActivityType.LIKE_POST))
check("an activity has its type", [item.type_ for item in done.items] == [ActivityType.LIKE_POST])

# Types of problems.
missing = show_post.sync(5, client=jiwoo.api)
check("404 has its type", isinstance(missing, PostNotFoundProblem), missing)
forbidden = edit_post.sync(post.id, client=jiwoo.api, body=WritePost(content="남의 글"))
check("403 has its type", isinstance(forbidden, PostUpdateForbiddenProblem), forbidden)
short = SignUp(email="no", password="short", handle="a", member_name="x")
invalid = sign_up.sync(client=Client(base_url=BASE), body=short)
check("422 has its type", isinstance(invalid, ValidationFailedProblem), invalid)
if isinstance(invalid, ValidationFailedProblem):
    named = {error.field for error in invalid.errors}
    check("422 names the fields", {"email", "password", "handle", "memberName"} <= named, named)

# Pages.
for number in range(4):
    of(Post, create_post.sync(client=minsu.api, body=WritePost(content=f"글 {number}")))
ids: list[int] = []
cursor: str | Unset = UNSET
while True:
    page = of(FeedPage, my_feed.sync(client=minsu.api, limit=2, cursor=cursor))
    ids.extend(item.id for item in page.items)
    if page.next_cursor is None:
        break
    cursor = page.next_cursor
check("pages list every post once", len(ids) == len(set(ids)) == 5 and ids[-1] == post.id, ids)

# Conditional requests.
read = show_post.sync_detailed(post.id, client=minsu.api)
known = show_post.sync_detailed(post.id, client=minsu.api, if_none_match=read.headers["etag"])
check("a known ETag gets 304", known.status_code == HTTPStatus.NOT_MODIFIED)


def frames(lines: Iterator[str]) -> Iterator[dict[str, object]]:
    """Yields the events of a stream with parsed data."""
    frame: dict[str, object] = {}
    for line in lines:
        name, _, value = line.partition(": ")
        if name in ("id", "event"):
            frame[name] = value
        elif name == "data":
            frame[name] = json.loads(value)
        elif not line:
            if "data" in frame:
                yield frame
            frame = {}


# The stream and the types of its events.
with minsu.api.get_httpx_client().stream("GET", "/api/timeline/stream") as stream:
    events = frames(stream.iter_lines())
    ready = ReadyEvent.from_dict(next(events))
    check("a stream starts with ready", ready.data.cursor == ready.id)
    live = of(Post, create_post.sync(client=minsu.api, body=WritePost(content="살아 있는 글")))
    created = PostCreatedEvent.from_dict(next(frame for frame in events if frame["event"] == "post.created"))
    check("a stream delivers the post", created.data.id == live.id and created.data.author.id == minsu.id)

# Logout.
check("a logout has no body", log_out.sync_detailed(client=jiwoo.api).status_code == HTTPStatus.NO_CONTENT)
revoked = until("a session ends", lambda: p if isinstance(p := show_me.sync(client=jiwoo.api), TokenRevokedProblem) else None)
check("401 has its type", revoked.status == 401)

failed = results.count(False)
print(f"python checks: {len(results) - failed} passed, {failed} failed")
sys.exit(1 if failed else 0)
