//! What problems say, in English and Korean.
use super::Language;
use crate::domain::{Password, Reason, Refusal};
use std::borrow::Cow;

/// One text in both languages.
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
    AUTHORIZATION: "the Authorization header must be Bearer and one token",
        "Authorization 헤더는 Bearer와 토큰 하나로 이루어져야 합니다";
    BODY: "the body is not JSON of the expected form", "본문이 올바른 JSON 형식이 아닙니다";
    BUSY: "the server is busy, try again in a moment", "요청이 많아 처리하지 못했습니다. 잠시 후 다시 시도해 주세요";
    CODED: "the body must come without a content coding", "본문은 압축하지 않고 보내야 합니다";
    HOST: "the request must name one host", "Host 헤더가 없거나 올바르지 않습니다";
    IDEMPOTENCY_KEY: "Idempotency-Key must be 1 to 64 visible ASCII characters",
        "Idempotency-Key는 공백 없는 ASCII 문자 1~64자여야 합니다";
    INTERNAL: "something went wrong on our side", "서버에서 문제가 발생했습니다";
    MALFORMED: "the request is malformed", "요청 형식이 올바르지 않습니다";
    METHOD_NOT_ALLOWED: "the method is not allowed here", "허용되지 않는 메서드입니다";
    MISDIRECTED: "this listener does not answer to that host", "이 주소로는 요청을 처리하지 않습니다";
    NOT_FOUND: "there is nothing here", "찾을 수 없는 주소입니다";
    NOT_JSON: "the content type must be application/json", "Content-Type은 application/json이어야 합니다";
    NOT_MULTIPART: "the content type must be multipart/form-data", "Content-Type은 multipart/form-data여야 합니다";
    ORIGIN: "pages from elsewhere may not ask this listener", "다른 출처의 페이지에서 보낸 요청은 허용되지 않습니다";
    PATH: "the path is malformed", "주소 형식이 올바르지 않습니다";
    QUERY: "the query is malformed", "쿼리 형식이 올바르지 않습니다";
    SLOW_BODY: "the body took too long to arrive", "본문을 받는 데 시간이 너무 오래 걸렸습니다";
    TOKEN_MISSING: "a bearer token is needed", "인증 토큰이 필요합니다";
    TOO_LARGE: "the body is too large", "본문이 너무 큽니다";
    TOO_MANY: "too many requests, slow down", "요청이 너무 많습니다. 잠시 후 다시 시도해 주세요";
    UNAVAILABLE: "temporarily unavailable, try again in a moment",
        "일시적으로 이용할 수 없습니다. 잠시 후 다시 시도해 주세요";
}

/// Chooses one of two texts; `format!` where it carries numbers.
macro_rules! say {
    ($language:expr, $en:literal, $ko:literal) => {
        Cow::Borrowed(if $language == Language::Korean { $ko } else { $en })
    };
    ($language:expr, $en:literal, $ko:literal, $($number:ident),+) => {
        Cow::Owned(if $language == Language::Korean {
            format!($ko, $($number = $number),+)
        } else {
            format!($en, $($number = $number),+)
        })
    };
}

/// Why a rule said no.
#[expect(clippy::too_many_lines, reason = "a table of texts")]
pub(super) fn refusal(refusal: &Refusal, l: Language) -> Cow<'static, str> {
    match refusal {
        Refusal::Invalid(_) => say!(l, "some fields are not valid", "올바르지 않은 항목이 있습니다"),
        Refusal::EmailTaken => say!(l, "the e-mail address has an account already", "이미 가입된 이메일입니다"),
        Refusal::HandleTaken => say!(l, "the handle is taken", "이미 사용 중인 핸들입니다"),
        Refusal::MemberNotFound => say!(l, "no such member", "회원을 찾을 수 없습니다"),
        Refusal::TooManyIds { max } => say!(l, "at most {max} ids", "ID는 최대 {max}개까지 조회할 수 있습니다", max),
        Refusal::FollowSelf => say!(l, "nobody follows themself", "자기 자신은 팔로우할 수 없습니다"),
        Refusal::FollowLimit { max } => {
            say!(l, "at most {max} followings", "최대 {max}명까지 팔로우할 수 있습니다", max)
        }
        Refusal::FollowBlocked => say!(l, "you block this member", "차단한 회원은 팔로우할 수 없습니다"),
        Refusal::FollowRequestsFull { max } => say!(
            l,
            "{max} requests wait for this member already",
            "이 회원에게는 이미 팔로우 요청 {max}건이 대기 중입니다",
            max
        ),
        Refusal::FollowRequestNotFound => say!(l, "no such follow request", "팔로우 요청을 찾을 수 없습니다"),
        Refusal::BlockLimit { max } => say!(l, "at most {max} blocks", "최대 {max}명까지 차단할 수 있습니다", max),
        Refusal::MuteLimit { max } => say!(l, "at most {max} mutes", "최대 {max}명까지 뮤트할 수 있습니다", max),
        Refusal::PostNotFound => say!(l, "no such post", "게시글을 찾을 수 없습니다"),
        Refusal::PostUpdateForbidden => say!(l, "only the author edits a post", "작성자만 게시글을 수정할 수 있습니다"),
        Refusal::PostDeleteForbidden => {
            say!(l, "only the author deletes a post", "작성자만 게시글을 삭제할 수 있습니다")
        }
        Refusal::PostEmpty => say!(l, "a post needs some text or an image", "내용을 입력하거나 이미지를 첨부해 주세요"),
        Refusal::PostTooLong { max } => {
            say!(l, "a post holds at most {max} characters", "게시글은 최대 {max}자까지 쓸 수 있습니다", max)
        }
        Refusal::TitleTooLong { max } => {
            say!(l, "a title holds at most {max} characters", "제목은 최대 {max}자까지 쓸 수 있습니다", max)
        }
        Refusal::CommentNotFound => say!(l, "no such comment", "댓글을 찾을 수 없습니다"),
        Refusal::ParentNotFound => say!(l, "the comment to reply to is gone", "답글을 달 댓글을 찾을 수 없습니다"),
        Refusal::ParentOnAnotherPost => {
            say!(l, "the comment to reply to is on another post", "답글을 달 댓글이 다른 게시글에 있습니다")
        }
        Refusal::TooDeep { max } => {
            say!(l, "comments go {max} levels deep", "댓글은 {max}단계까지 달 수 있습니다", max)
        }
        Refusal::CommentUpdateForbidden => {
            say!(l, "only the author edits a comment", "작성자만 댓글을 수정할 수 있습니다")
        }
        Refusal::CommentDeleteForbidden => {
            say!(l, "only the author deletes a comment", "작성자만 댓글을 삭제할 수 있습니다")
        }
        Refusal::CommentEmpty => say!(l, "a comment needs some text", "댓글 내용을 입력해 주세요"),
        Refusal::CommentTooLong { max } => {
            say!(l, "a comment holds at most {max} characters", "댓글은 최대 {max}자까지 쓸 수 있습니다", max)
        }
        Refusal::LoginFailed => say!(l, "e-mail or password is wrong", "이메일 또는 비밀번호가 올바르지 않습니다"),
        Refusal::LoginLocked { retry_after } => {
            let minutes = retry_after.as_secs().div_ceil(60);
            say!(
                l,
                "too many failed logins, try again in {minutes} min",
                "로그인에 여러 번 실패했습니다. {minutes}분 후 다시 시도해 주세요",
                minutes
            )
        }
        Refusal::TokenInvalid => say!(l, "the token is not valid", "유효하지 않은 토큰입니다"),
        Refusal::TokenExpired => say!(l, "the token has expired", "만료된 토큰입니다"),
        Refusal::TokenRevoked => {
            say!(l, "the session has ended, log in again", "종료된 세션입니다. 다시 로그인해 주세요")
        }
        Refusal::ReloginRequired => say!(l, "log in again", "다시 로그인해 주세요"),
        Refusal::SessionNotFound => say!(l, "no such session", "세션을 찾을 수 없습니다"),
        Refusal::DeadLetterNotFound => say!(l, "no such dead letter", "처리하지 못한 이벤트를 찾을 수 없습니다"),
        Refusal::IdempotencyKeyReused => say!(
            l,
            "the Idempotency-Key was used with another request",
            "이미 다른 요청에 사용된 Idempotency-Key입니다"
        ),
        Refusal::PreconditionFailed => say!(
            l,
            "it has changed since the version that If-Match names",
            "If-Match에 지정한 버전 이후 내용이 변경되었습니다"
        ),
        Refusal::CursorInvalid => say!(l, "the cursor is not valid here", "올바르지 않은 커서입니다"),
        Refusal::CursorExpired => say!(l, "the cursor is too old", "만료된 커서입니다"),
        Refusal::ImageEmpty => say!(l, "no image was sent", "이미지를 첨부해 주세요"),
        Refusal::ImageTooLarge => {
            say!(l, "at most 10 MiB and 40 megapixels", "이미지는 최대 10MiB, 4,000만 화소까지 올릴 수 있습니다")
        }
        Refusal::ImageUnsupported => {
            say!(l, "not a JPEG, PNG, WebP, GIF or BMP", "JPEG, PNG, WebP, GIF, BMP 이미지만 올릴 수 있습니다")
        }
        Refusal::ImageCorrupted => say!(l, "the image cannot be read", "손상된 이미지입니다"),
        Refusal::ImageNotFound => say!(l, "no such image", "이미지를 찾을 수 없습니다"),
        Refusal::ImageForbidden => {
            say!(l, "only its owner uses and deletes an image", "올린 회원만 이미지를 사용하거나 삭제할 수 있습니다")
        }
        Refusal::TooManyImages { max } => say!(
            l,
            "at most {max} images that are on nothing yet",
            "게시글이나 프로필에 쓰이지 않은 이미지는 최대 {max}개까지 둘 수 있습니다",
            max
        ),
        Refusal::TooManyAtOnce { max } => {
            say!(
                l,
                "at most {max} such requests at once",
                "이러한 요청은 동시에 최대 {max}개까지 보낼 수 있습니다",
                max
            )
        }
        Refusal::TooManyStreams { max } => {
            say!(l, "at most {max} open streams", "스트림은 동시에 최대 {max}개까지 열 수 있습니다", max)
        }
    }
}

/// Why one field was refused.
pub(super) fn reason(field: &str, reason: &Reason, l: Language) -> Cow<'static, str> {
    let symbols = Password::SYMBOLS;
    match *reason {
        Reason::InvalidFormat | Reason::InvalidCharacters | Reason::TooShort { .. } | Reason::TooLong { .. }
            if field == "handle" =>
        {
            say!(
                l,
                "3 to 50 of the letters a to z and A to Z, the digits 0 to 9 and _",
                "영문자, 숫자, 밑줄(_)만 사용해 3~50자로 입력해 주세요"
            )
        }
        Reason::Required => say!(l, "required", "필수 항목입니다"),
        Reason::TooShort { min } => say!(l, "at least {min} characters", "{min}자 이상이어야 합니다", min),
        Reason::TooLong { max } if field.ends_with("ds") => {
            say!(l, "at most {max}", "최대 {max}개까지 가능합니다", max)
        }
        Reason::TooLong { max } => say!(l, "at most {max} characters", "{max}자 이하여야 합니다", max),
        Reason::InvalidFormat if field.ends_with("assword") => say!(
            l,
            "needs a lower-case letter, an upper-case letter, a digit and one of {symbols}",
            "소문자, 대문자, 숫자, 특수문자({symbols})를 각각 하나 이상 포함해야 합니다",
            symbols
        ),
        Reason::InvalidFormat => say!(l, "not of the expected form", "형식이 올바르지 않습니다"),
        Reason::Malformed { max } => say!(
            l,
            "a character is made of at most {max} code points",
            "글자 하나에 결합 문자를 너무 많이 겹쳐 쓸 수 없습니다(코드 포인트 최대 {max}개)",
            max
        ),
        Reason::InvalidCharacters => {
            say!(l, "holds characters that are not allowed", "사용할 수 없는 문자가 포함되어 있습니다")
        }
        Reason::UnknownValue => say!(l, "not a known value", "알 수 없는 값입니다"),
        Reason::NotInThePast => say!(l, "must be in the past", "과거 날짜여야 합니다"),
        Reason::Reserved => say!(l, "reserved", "사용할 수 없는 이름입니다"),
        Reason::OutOfRange { min, max } => say!(l, "{min} to {max}", "{min}에서 {max} 사이여야 합니다", min, max),
        Reason::WrongPassword => say!(l, "the password is wrong", "비밀번호가 올바르지 않습니다"),
        Reason::Repeated => say!(l, "given more than once", "한 번만 지정할 수 있습니다"),
        Reason::InUse => say!(l, "in use already", "이미 사용 중입니다"),
        Reason::Oneself => say!(l, "not to be done to oneself", "자기 자신에게는 할 수 없습니다"),
    }
}
