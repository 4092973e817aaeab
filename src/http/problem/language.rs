//! [`Language`]: English or Korean, chosen by the `Accept-Language` header.
use axum::http::HeaderValue;

/// The language of a problem's texts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Language {
    English,
    Korean,
}

impl Language {
    /// Returns Korean if the `Accept-Language` header prefers it, else English.
    pub(crate) fn of(header: Option<&HeaderValue>) -> Self {
        let Some(text) = header.and_then(|value| value.to_str().ok()) else { return Self::English };
        let quality = |language| quality(text, language);
        // Of equal qualities the first one named wins, as in browsers.
        match (quality("ko"), quality("en")) {
            (Some(korean), None) if korean.0 > 0 => Self::Korean,
            (Some(korean), Some(english)) if korean > english => Self::Korean,
            _ => Self::English,
        }
    }

    /// Returns the value of `Content-Language`.
    pub(crate) fn tag(self) -> &'static str {
        match self {
            Self::English => "en",
            Self::Korean => "ko",
        }
    }
}

/// Returns the quality of a language in thousandths and its index in the header. The larger pair is preferred.
fn quality(header: &str, language: &str) -> Option<(u16, std::cmp::Reverse<usize>)> {
    let ranges = header.split(',').enumerate().filter_map(|(index, range)| {
        let (tag, parameters) = range.split_once(';').unwrap_or((range, ""));
        let (primary, _) = tag.trim().split_once('-').unwrap_or((tag.trim(), ""));
        let named = primary.eq_ignore_ascii_case(language);
        named.then(|| Some((thousandths(parameters)?, std::cmp::Reverse(index))))?
    });
    ranges.max()
}

/// Parses `q=0.8` as 800. Returns 1000 without a `q`, and `None` for an invalid one.
fn thousandths(parameters: &str) -> Option<u16> {
    let Some(q) = parameters.split(';').find_map(|parameter| parameter.trim().strip_prefix("q=")) else {
        return Some(1_000);
    };
    let q: f32 = q.trim().parse().ok()?;
    (0.0..=1.0).contains(&q).then_some((q * 1_000.0) as u16)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn language(header: &str) -> Language {
        Language::of(Some(&HeaderValue::from_str(header).unwrap()))
    }

    #[test]
    fn korean_is_chosen_if_it_is_preferred() {
        for korean in
            ["ko", "ko-KR", "KO-kr,en;q=0.9", "en;q=0.8, ko;q=0.9", "fr, ko;q=0.1", "en;q=0, ko;q=0.2", "ko,en"]
        {
            assert_eq!(language(korean), Language::Korean, "{korean}");
        }
    }

    #[test]
    fn english_is_chosen_otherwise() {
        for other in ["", "en", "fr", "*", "en-US,ko;q=0.9", "en,ko", "ko;q=0", "korean", "ko;q=2", "ko;q=x", ";;,=,"] {
            assert_eq!(language(other), Language::English, "{other}");
        }
        assert_eq!(Language::of(None), Language::English);
    }
}
