//! Checks codes against the lists they are from: languages (ISO 639-1), countries (ISO 3166-1), time zones (IANA).
use super::{FieldError, Reason};

/// Checks a language code of ISO 639-1; a country code may follow (`pt-BR`).
pub(super) fn language(code: &str) -> Result<String, FieldError> {
    let refuse = |reason| Err(FieldError { field: "languageCode", reason });
    let (language, region) = code.split_once('-').map_or((code, None), |(l, r)| (l, Some(r)));
    let is_formed = |part: &str, is_letter: fn(&u8) -> bool| part.len() == 2 && part.as_bytes().iter().all(is_letter);
    if !is_formed(language, u8::is_ascii_lowercase) || region.is_some_and(|r| !is_formed(r, u8::is_ascii_uppercase)) {
        return refuse(Reason::InvalidFormat);
    }
    let known = is_listed(LANGUAGES, language) && region.is_none_or(|region| is_listed(COUNTRIES, region));
    if known { Ok(code.to_owned()) } else { refuse(Reason::UnknownValue) }
}

/// Checks a country code of ISO 3166-1.
pub(super) fn country(code: &str) -> Result<String, FieldError> {
    let known = is_listed(COUNTRIES, code);
    if known { Ok(code.to_owned()) } else { Err(FieldError { field: "countryCode", reason: Reason::UnknownValue }) }
}

/// Checks a time zone name against the IANA database in the binary, not the one of the machine. Returns the name in the
/// spelling of the database.
pub(super) fn timezone(name: &str) -> Result<String, FieldError> {
    let zone = jiff::tz::TimeZoneDatabase::bundled().get(name).ok().filter(|zone| !zone.is_unknown());
    let known = zone.and_then(|zone| zone.iana_name().map(str::to_owned));
    known.ok_or(FieldError { field: "timezone", reason: Reason::UnknownValue })
}

fn is_listed(list: &str, code: &str) -> bool {
    list.split(' ').any(|listed| listed == code)
}

/// ISO 639-1.
const LANGUAGES: &str = "aa ab ae af ak am an ar as av ay az ba be bg bh bi bm bn bo br bs ca ce ch co cr cs cu cv \
cy da de dv dz ee el en eo es et eu fa ff fi fj fo fr fy ga gd gl gn gu gv ha he hi ho hr ht hu hy hz ia id ie ig ii \
ik io is it iu ja jv ka kg ki kj kk kl km kn ko kr ks ku kv kw ky la lb lg li ln lo lt lu lv mg mh mi mk ml mn mr ms \
mt my na nb nd ne ng nl nn no nr nv ny oc oj om or os pa pi pl ps pt qu rm rn ro ru rw sa sc sd se sg sh si sk sl sm \
sn so sq sr ss st su sv sw ta te tg th ti tk tl tn to tr ts tt tw ty ug uk ur uz ve vi vo wa wo xh yi yo za zh zu";

/// ISO 3166-1 alpha-2.
const COUNTRIES: &str = "AD AE AF AG AI AL AM AO AQ AR AS AT AU AW AX AZ BA BB BD BE BF BG BH BI BJ BL \
BM BN BO BQ BR BS BT BV BW BY BZ CA CC CD CF CG CH CI CK CL CM CN CO CR CU CV CW CX CY CZ DE DJ DK DM DO \
DZ EC EE EG EH ER ES ET FI FJ FK FM FO FR GA GB GD GE GF GG GH GI GL GM GN GP GQ GR GS GT GU GW GY HK HM \
HN HR HT HU ID IE IL IM IN IO IQ IR IS IT JE JM JO JP KE KG KH KI KM KN KP KR KW KY KZ LA LB LC LI LK LR \
LS LT LU LV LY MA MC MD ME MF MG MH MK ML MM MN MO MP MQ MR MS MT MU MV MW MX MY MZ NA NC NE NF NG NI NL \
NO NP NR NU NZ OM PA PE PF PG PH PK PL PM PN PR PS PT PW PY QA RE RO RS RU RW SA SB SC SD SE SG SH SI SJ \
SK SL SM SN SO SR SS ST SV SX SY SZ TC TD TF TG TH TJ TK TL TM TN TO TR TT TV TW TZ UA UG UM US UY UZ VA \
VC VE VG VI VN VU WF WS YE YT ZA ZM ZW";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_outside_their_lists_are_refused() {
        assert!(language("ko").is_ok() && language("pt-BR").is_ok() && language("zh-TW").is_ok());
        for bad in ["", "xx", "ko-XX", "ko-D ", "KO", "korean", "ko-kr", "ko_KR", "k "] {
            assert!(language(bad).is_err(), "{bad}");
        }
        assert!(country("KR").is_ok() && ["", "kr", "K ", "KOR", "ZZ", " "].iter().all(|bad| country(bad).is_err()));
        assert_eq!(timezone("asia/seoul").as_deref(), Ok("Asia/Seoul"));
        for bad in ["", "Moon/Base", "Etc/Unknown", "localtime", "posixrules", "+09:00", "Asia/Seoul\n"] {
            assert!(timezone(bad).is_err(), "{bad}");
        }
    }
}
