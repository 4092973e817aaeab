//! The texts of problems in English and Korean; `field_messages.rs` has those of fields. Korean texts are in the formal
//! polite style (합니다체).
use super::Language;
use crate::domain::Refusal;
use std::{borrow::Cow, fmt::Display};

/// A text in both languages.
#[derive(Debug)]
pub(super) struct Words {
    en: &'static str,
    ko: &'static str,
}

impl Words {
    pub(super) fn in_language(&self, language: Language) -> &'static str {
        match language {
            Language::English => self.en,
            Language::Korean => self.ko,
        }
    }
}

macro_rules! words {
    ($($name:ident: $en:literal, $ko:literal;)*) => {
        $(pub(super) static $name: Words = Words { en: $en, ko: $ko };)*
    };
}

words! {
    AUTHORIZATION: "the Authorization header must be: Bearer <token>",
        "Authorization 헤더는 'Bearer <토큰>' 형식이어야 합니다";
    BODY: "the request body does not have the expected form", "요청 본문의 형식이 올바르지 않습니다";
    BUSY: "the server is busy; try again in a moment", "요청이 많아 처리하지 못했습니다. 잠시 후 다시 시도해 주세요";
    CODED: "compressed request bodies are not supported; send the body without Content-Encoding",
        "압축된 요청 본문은 지원하지 않습니다. Content-Encoding 없이 보내 주세요";
    HEADERS_TOO_LARGE: "the request header is too large", "요청 헤더가 너무 큽니다";
    HOST: "the Host header is missing or invalid", "Host 헤더가 없거나 올바르지 않습니다";
    IDEMPOTENCY_KEY: "Idempotency-Key must be 1 to 64 visible ASCII characters",
        "Idempotency-Key는 공백 없는 ASCII 문자 1~64자여야 합니다";
    INTERNAL: "something went wrong on our end", "서버에서 오류가 발생했습니다";
    MALFORMED: "the request is malformed", "요청 형식이 올바르지 않습니다";
    METHOD_NOT_ALLOWED: "this path does not support the method", "이 주소에서 지원하지 않는 메서드입니다";
    MISDIRECTED: "this server does not serve the requested host", "이 서버에서 처리하지 않는 호스트입니다";
    NOT_FOUND: "the requested path does not exist", "존재하지 않는 주소입니다";
    NOT_JSON: "Content-Type must be application/json", "Content-Type은 application/json이어야 합니다";
    NOT_MULTIPART: "Content-Type must be multipart/form-data", "Content-Type은 multipart/form-data여야 합니다";
    ORIGIN: "cross-origin requests are not allowed", "다른 출처의 페이지에서 보낸 요청은 허용되지 않습니다";
    PATH: "the path is malformed", "주소 형식이 올바르지 않습니다";
    QUERY: "the query string is malformed", "쿼리 문자열 형식이 올바르지 않습니다";
    SLOW_BODY: "the request body did not arrive in time", "제한 시간 안에 요청 본문을 받지 못했습니다";
    SLOW_HEADER: "the request header did not arrive in time", "제한 시간 안에 요청 헤더를 받지 못했습니다";
    TOKEN_MISSING: "a bearer token is required", "인증 토큰이 필요합니다";
    TOO_LARGE: "the request body is too large", "요청 본문이 너무 큽니다";
    TOO_MANY: "too many requests; try again later", "요청 횟수를 초과했습니다. 잠시 후 다시 시도해 주세요";
    URI_TOO_LONG: "the address of the request is too long", "요청 주소가 너무 깁니다";
    UNAVAILABLE: "temporarily unavailable; try again in a moment",
        "일시적으로 이용할 수 없습니다. 잠시 후 다시 시도해 주세요";
}

/// Chooses the text of a language; formats it if it has placeholders.
macro_rules! say {
    ($language:expr, $en:literal, $ko:literal) => {
        Cow::Borrowed(if $language == Language::Korean { $ko } else { $en })
    };
    ($language:expr, $en:literal, $ko:literal, $($name:ident = $value:expr),+) => {
        Cow::Owned(if $language == Language::Korean {
            format!($ko, $($name = $value),+)
        } else {
            format!($en, $($name = $value),+)
        })
    };
}

pub(super) use say;

/// Returns a number with commas between its thousands: `5,000`, as both languages write it.
pub(super) fn grouped(number: impl Display) -> String {
    let digits = number.to_string();
    let mut text = String::with_capacity(digits.len() + digits.len() / 3);
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// Returns the text of a refusal.
#[expect(clippy::too_many_lines, reason = "a table of texts")]
pub(super) fn refusal(refusal: &Refusal, l: Language) -> Cow<'static, str> {
    match refusal {
        Refusal::Invalid(_) => say!(l, "some fields are invalid", "올바르지 않은 항목이 있습니다"),
        Refusal::EmailTaken => {
            say!(l, "an account with this email address already exists", "이미 가입된 이메일입니다")
        }
        Refusal::HandleTaken => say!(l, "this handle is already taken", "이미 사용 중인 핸들입니다"),
        Refusal::MemberNotFound => say!(l, "member not found", "회원을 찾을 수 없습니다"),
        Refusal::TooManyIds { max } => {
            say!(
                l,
                "at most {max} ids can be requested at once",
                "ID는 한 번에 최대 {max}개까지 조회할 수 있습니다",
                max = grouped(max)
            )
        }
        Refusal::FollowSelf => say!(l, "you cannot follow yourself", "자기 자신은 팔로우할 수 없습니다"),
        Refusal::FollowLimit { max } => {
            say!(l, "you can follow at most {max} members", "최대 {max}명까지 팔로우할 수 있습니다", max = grouped(max))
        }
        Refusal::FollowBlocked => say!(
            l,
            "you have blocked this member; unblock them to follow",
            "차단한 회원은 팔로우할 수 없습니다. 먼저 차단을 해제해 주세요"
        ),
        Refusal::FollowRequestsFull { max } => say!(
            l,
            "this member already has {max} pending follow requests; try again later",
            "이 회원에게 대기 중인 팔로우 요청이 이미 {max}건 있습니다. 나중에 다시 시도해 주세요",
            max = grouped(max)
        ),
        Refusal::FollowRequestNotFound => say!(l, "follow request not found", "팔로우 요청을 찾을 수 없습니다"),
        Refusal::BlockLimit { max } => {
            say!(l, "you can block at most {max} members", "최대 {max}명까지 차단할 수 있습니다", max = grouped(max))
        }
        Refusal::MuteLimit { max } => {
            say!(l, "you can mute at most {max} members", "최대 {max}명까지 뮤트할 수 있습니다", max = grouped(max))
        }
        Refusal::PostNotFound => say!(l, "post not found", "게시글을 찾을 수 없습니다"),
        Refusal::PostUpdateForbidden => {
            say!(l, "only the author can edit this post", "작성자만 게시글을 수정할 수 있습니다")
        }
        Refusal::PostDeleteForbidden => {
            say!(l, "only the author can delete this post", "작성자만 게시글을 삭제할 수 있습니다")
        }
        Refusal::PostEmpty => {
            say!(l, "a post must have text or an image", "내용을 입력하거나 이미지를 첨부해 주세요")
        }
        Refusal::AudienceFixed => {
            say!(l, "the audience of a post cannot be changed", "게시글의 공개 범위는 변경할 수 없습니다")
        }
        Refusal::PostTooLong { max } => {
            say!(
                l,
                "a post can have at most {max} characters",
                "게시글은 최대 {max}자까지 작성할 수 있습니다",
                max = grouped(max)
            )
        }
        Refusal::TitleTooLong { max } => {
            say!(
                l,
                "a title can have at most {max} characters",
                "제목은 최대 {max}자까지 입력할 수 있습니다",
                max = grouped(max)
            )
        }
        Refusal::CommentNotFound => say!(l, "comment not found", "댓글을 찾을 수 없습니다"),
        Refusal::ParentNotFound => say!(l, "parent comment not found", "답글을 달 댓글을 찾을 수 없습니다"),
        Refusal::ParentOnAnotherPost => {
            say!(l, "the parent comment belongs to another post", "답글을 달 댓글이 다른 게시글에 있습니다")
        }
        Refusal::TooDeep { max } => {
            say!(
                l,
                "comments can be at most {max} levels deep",
                "댓글은 최대 {max}단계까지 달 수 있습니다",
                max = grouped(max)
            )
        }
        Refusal::CommentUpdateForbidden => {
            say!(l, "only the author can edit this comment", "작성자만 댓글을 수정할 수 있습니다")
        }
        Refusal::CommentDeleteForbidden => {
            say!(l, "only the author can delete this comment", "작성자만 댓글을 삭제할 수 있습니다")
        }
        Refusal::CommentEmpty => say!(l, "a comment must have text", "댓글 내용을 입력해 주세요"),
        Refusal::CommentTooLong { max } => {
            say!(
                l,
                "a comment can have at most {max} characters",
                "댓글은 최대 {max}자까지 작성할 수 있습니다",
                max = grouped(max)
            )
        }
        Refusal::LoginFailed => say!(l, "incorrect email or password", "이메일 또는 비밀번호가 올바르지 않습니다"),
        Refusal::LoginLocked { retry_after } => {
            let minutes = retry_after.as_secs().div_ceil(60);
            say!(
                l,
                "too many failed login attempts; try again in {minutes} min",
                "로그인에 여러 번 실패했습니다. {minutes}분 후 다시 시도해 주세요",
                minutes = grouped(minutes)
            )
        }
        Refusal::TokenInvalid => say!(l, "the token is invalid", "유효하지 않은 토큰입니다"),
        Refusal::TokenExpired => {
            say!(l, "the token has expired; refresh it", "토큰이 만료되었습니다. 토큰을 갱신해 주세요")
        }
        Refusal::TokenRevoked => {
            say!(l, "the session has ended; log in again", "세션이 종료되었습니다. 다시 로그인해 주세요")
        }
        Refusal::ReloginRequired => say!(l, "log in again to continue", "다시 로그인해 주세요"),
        Refusal::SessionNotFound => say!(l, "session not found", "세션을 찾을 수 없습니다"),
        Refusal::DeadLetterNotFound => say!(l, "dead letter not found", "처리하지 못한 이벤트를 찾을 수 없습니다"),
        Refusal::IdempotencyKeyReused => say!(
            l,
            "this Idempotency-Key was already used with a different request",
            "이미 다른 요청에 사용한 Idempotency-Key입니다"
        ),
        Refusal::PreconditionFailed => say!(
            l,
            "the resource has changed since the version in If-Match; fetch it again",
            "If-Match에 지정한 버전 이후 내용이 변경되었습니다. 다시 조회해 주세요"
        ),
        Refusal::CursorInvalid => say!(l, "the cursor is invalid", "올바르지 않은 커서입니다"),
        Refusal::CursorExpired => {
            say!(l, "the cursor has expired; start without one", "만료된 커서입니다. 처음부터 다시 조회해 주세요")
        }
        Refusal::ImageEmpty => say!(l, "an image is required", "이미지를 첨부해 주세요"),
        Refusal::ImageTooLarge => say!(
            l,
            "an image can have at most 10 MiB, 40 megapixels and 32,768 pixels per side",
            "이미지는 최대 10MiB, 4,000만 화소, 한 변 32,768픽셀까지 올릴 수 있습니다"
        ),
        Refusal::ImageUnsupported => say!(
            l,
            "the image must be a JPEG, PNG, WebP, GIF or BMP",
            "JPEG, PNG, WebP, GIF, BMP 이미지만 올릴 수 있습니다"
        ),
        Refusal::ImageCorrupted => say!(l, "the image is corrupted", "손상된 이미지입니다"),
        Refusal::ImageNotFound => say!(l, "image not found", "이미지를 찾을 수 없습니다"),
        Refusal::ImageForbidden => {
            say!(l, "only the owner can use or delete this image", "이미지를 올린 회원만 사용하거나 삭제할 수 있습니다")
        }
        Refusal::TooManyImages { max } => say!(
            l,
            "you can have at most {max} unused images; use or delete some first",
            "사용하지 않은 이미지는 최대 {max}개까지 보관할 수 있습니다. 기존 이미지를 사용하거나 삭제한 뒤 다시 시도해 주세요",
            max = grouped(max)
        ),
        Refusal::TooManyAtOnce { max } => say!(
            l,
            "you can have at most {max} requests of this kind in progress",
            "이 요청은 동시에 최대 {max}개까지 보낼 수 있습니다",
            max = grouped(max)
        ),
        Refusal::TooManyStreams { max } => {
            say!(
                l,
                "you can have at most {max} open streams",
                "스트림은 동시에 최대 {max}개까지 열 수 있습니다",
                max = grouped(max)
            )
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_have_commas_between_their_thousands() {
        for (number, text) in [(0, "0"), (999, "999"), (1_000, "1,000"), (31_622_400, "31,622,400")] {
            assert_eq!(grouped(number), text);
        }
        let too_long = Refusal::PostTooLong { max: 5_000 };
        assert_eq!(refusal(&too_long, Language::English), "a post can have at most 5,000 characters");
        assert_eq!(refusal(&too_long, Language::Korean), "게시글은 최대 5,000자까지 작성할 수 있습니다");
    }
}
