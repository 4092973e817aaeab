//! The texts of refused fields in English and Korean.
use super::{
    Language,
    messages::{grouped, say},
};
use crate::domain::{Password, Reason};
use std::borrow::Cow;

/// Returns the text of a refused field.
pub(super) fn reason(field: &str, reason: &Reason, l: Language) -> Cow<'static, str> {
    match *reason {
        Reason::InvalidFormat | Reason::InvalidCharacters | Reason::TooShort { .. } | Reason::TooLong { .. }
            if field == "handle" =>
        {
            say!(
                l,
                "must be 3 to 50 letters (a-z, A-Z), digits or underscores",
                "영문자, 숫자, 밑줄(_)만 사용해 3~50자로 입력해 주세요"
            )
        }
        Reason::Required => say!(l, "is required", "필수 항목입니다"),
        Reason::TooShort { min } => {
            say!(l, "must have at least {min} characters", "{min}자 이상 입력해 주세요", min = grouped(min))
        }
        Reason::TooLong { max } if ["ids", "imageIds"].contains(&field) => {
            say!(l, "must have at most {max} items", "최대 {max}개까지 지정할 수 있습니다", max = grouped(max))
        }
        Reason::TooLong { max } => {
            say!(l, "must have at most {max} characters", "최대 {max}자까지 입력할 수 있습니다", max = grouped(max))
        }
        Reason::InvalidFormat if ["password", "newPassword"].contains(&field) => say!(
            l,
            "must contain a lowercase letter, an uppercase letter, a digit and one of {symbols}",
            "영문 소문자, 영문 대문자, 숫자, 특수문자({symbols})를 각각 하나 이상 포함해야 합니다",
            symbols = Password::SYMBOLS
        ),
        Reason::InvalidFormat => say!(l, "has an invalid format", "형식이 올바르지 않습니다"),
        Reason::Malformed { max } => say!(
            l,
            "has a character of more than {max} code points",
            "결합 문자를 너무 많이 겹쳐 쓴 글자가 있습니다(글자당 최대 {max}개의 코드 포인트)",
            max = grouped(max)
        ),
        Reason::InvalidCharacters => {
            say!(l, "contains characters that are not allowed", "사용할 수 없는 문자가 포함되어 있습니다")
        }
        Reason::UnknownValue => say!(l, "is not supported", "지원하지 않는 값입니다"),
        Reason::NotInThePast if field == "birthDate" => {
            say!(l, "must be a date in the past, from 1900 on", "1900년 이후의 과거 날짜여야 합니다")
        }
        Reason::NotInThePast => say!(l, "must not be in the future", "미래 날짜는 지정할 수 없습니다"),
        Reason::Reserved => say!(l, "is reserved", "사용할 수 없는 이름입니다"),
        Reason::OutOfRange { min, max } => {
            say!(
                l,
                "must be between {min} and {max}",
                "{min} 이상 {max} 이하여야 합니다",
                min = grouped(min),
                max = grouped(max)
            )
        }
        Reason::WrongPassword => {
            say!(l, "the current password does not match", "현재 비밀번호가 일치하지 않습니다")
        }
        Reason::Repeated => say!(l, "must be given only once", "한 번만 지정할 수 있습니다"),
        Reason::InUse => {
            say!(l, "is already in use or given more than once", "이미 사용 중이거나 중복으로 지정되었습니다")
        }
        Reason::Oneself => say!(l, "cannot be yourself", "자기 자신은 지정할 수 없습니다"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn today_is_refused_only_as_a_birth_date() {
        let text = |field| reason(field, &Reason::NotInThePast, Language::English);
        assert_eq!(text("birthDate"), "must be a date in the past, from 1900 on");
        assert_eq!(text("date"), "must not be in the future");
    }
}
