//! Generates names, handles and post texts of seeded members: Korean and English, with tags, mentions and emoji.
use rand::{RngExt, rngs::StdRng};

const FAMILY: &[(&str, &str)] = &[
    ("김", "kim"),
    ("이", "lee"),
    ("박", "park"),
    ("최", "choi"),
    ("정", "jung"),
    ("강", "kang"),
    ("조", "cho"),
    ("윤", "yoon"),
    ("장", "jang"),
    ("임", "lim"),
    ("한", "han"),
    ("오", "oh"),
    ("서", "seo"),
    ("신", "shin"),
];
const GIVEN: &[(&str, &str)] = &[
    ("민수", "minsu"),
    ("지우", "jiwoo"),
    ("서연", "seoyeon"),
    ("도윤", "doyun"),
    ("하은", "haeun"),
    ("예준", "yejun"),
    ("수아", "sua"),
    ("지호", "jiho"),
    ("유진", "yujin"),
    ("현우", "hyunwoo"),
    ("다은", "daeun"),
    ("준서", "junseo"),
    ("채원", "chaewon"),
    ("시우", "siwoo"),
    ("나연", "nayeon"),
    ("건우", "gunwoo"),
];
const ENGLISH: &[&str] = &[
    "Alice", "Ben", "Clara", "David", "Emma", "Felix", "Grace", "Henry", "Iris", "Jack", "Kate", "Liam", "Mia", "Noah",
    "Olivia", "Paul", "Rose", "Sam", "Tess", "Victor",
];
const OPENINGS: &[&str] = &[
    "오늘 한강에서 자전거를 탔는데",
    "퇴근길에 서점에 들러서",
    "주말에 제주도를 다녀왔어요.",
    "커피를 내리다가 문득",
    "새로 산 키보드가 도착했습니다.",
    "드디어 러스트로 첫 서버를 만들었어요.",
    "비가 와서 집에서",
    "동네 빵집이 다시 열어서",
    "한글은 정말 과학적인 글자라는 생각이",
    "아침 일찍 산에 올랐더니",
    "친구가 추천한 영화를 보고",
    "데이터베이스를 옮기느라",
];
const MIDDLES: &[&str] = &[
    "바람이 정말 시원했다.",
    "생각보다 오래 걸렸지만 재미있었다.",
    "사진을 몇 장 남겼습니다.",
    "다음에는 같이 가요!",
    "역시 기본이 중요하다는 걸 느꼈다.",
    "하루가 금방 지나갔네요.",
    "기록해 두고 싶어서 적어 둡니다.",
    "여러분은 어떻게 생각하세요?",
    "내일은 더 잘할 수 있을 것 같다.",
    "조금 피곤하지만 기분은 좋다.",
];
const SENTENCES: &[&str] = &[
    "Shipped a small fix today and it felt great.",
    "Trying a new recipe tonight, wish me luck.",
    "The river was calm and the sky was enormous.",
    "Reading about event logs again.",
    "Does anybody have a good keyboard to recommend?",
    "A long walk fixes more bugs than a debugger.",
    "Coffee first, opinions later.",
    "Our tests are finally fast, and I trust them.",
    "Moved the whole thing to one binary.",
    "Learning Korean, one syllable at a time.",
];
const TAGS: &[&str] =
    &["#일상", "#한강", "#여행", "#커피", "#개발", "#러스트", "#rust", "#photo", "#독서", "#맛집", "#seoul", "#주말"];
const EMOJI: &[&str] = &["", "", "", " 😀", " 🚲", " ☕", " 🌧️", " ✨"];

/// Returns a random item.
fn one<'a, T: ?Sized>(random: &mut StdRng, of: &[&'a T]) -> &'a T {
    of[random.random_range(0..of.len())]
}

/// Returns a display name and a handle. The number makes the handle unique.
pub(super) fn name(random: &mut StdRng, number: usize) -> (String, String) {
    if random.random_range(0..10) < 7 {
        let family = FAMILY[random.random_range(0..FAMILY.len())];
        let given = GIVEN[random.random_range(0..GIVEN.len())];
        (format!("{}{}", family.0, given.0), format!("{}_{}_{number}", given.1, family.1))
    } else {
        let name = one(random, ENGLISH);
        (name.to_owned(), format!("{}_{number}", name.to_lowercase()))
    }
}

/// Returns the title and the text of a post of one to four sentences, sometimes with tags, a mention or an emoji.
pub(super) fn post(random: &mut StdRng, mentioned: &str) -> (Option<String>, String) {
    let korean = random.random_range(0..10) < 7;
    let mut content = String::new();
    if korean {
        content.push_str(one(random, OPENINGS));
    }
    for _ in 0..random.random_range(1..4) {
        if !content.is_empty() {
            content.push(' ');
        }
        content.push_str(if korean { one(random, MIDDLES) } else { one(random, SENTENCES) });
    }
    content.push_str(one(random, EMOJI));
    for _ in 0..random.random_range(0..3) {
        content.push(' ');
        content.push_str(one(random, TAGS));
    }
    if random.random_range(0..12) == 0 {
        content.push_str(" @");
        content.push_str(mentioned);
    }
    let titled = random.random_range(0..5) == 0;
    let title = titled.then(|| content.split(['.', '!', '?']).next().unwrap_or_default().trim().to_owned());
    (title.filter(|title| !title.is_empty() && title.chars().count() <= 100), content)
}
