//! The texts of the demo school: names in many scripts, addresses, courses and payment categories.

use super::chance::Chance;

/// Given names, family names, and the pattern that combines them (`{g}` and `{f}`).
struct Script {
    given: &'static [&'static str],
    family: &'static [&'static str],
    join: &'static str,
}

/// The weight of each script.
#[rustfmt::skip]
const SCRIPTS: &[(u64, &Script)] = &[
    (30, &Script { join: "{g} {f}",
        given: &["Aarav", "Diya", "Kabir", "Ananya", "Vihaan", "Ishita", "Rohan", "Saanvi", "Arjun", "Meera", "Dev", "Priya"],
        family: &["Sharma", "Iyer", "Patel", "Reddy", "Das", "D'Souza", "Kulkarni", "Singh", "Nair", "Banerjee"] }),
    (18, &Script { join: "{g} {f}",
        given: &["José", "Zoë", "François", "Łukasz", "Åsa", "Jürgen", "Siân", "Nguyễn", "Çağla", "Þórdís", "Ștefan", "Dvořák"],
        family: &["Núñez", "Müller", "Großmann", "O'Brien", "Ångström", "Čapek", "Hồng Ngọc", "Ørsted", "Kovács", "Żółć", "Yıldız"] }),
    (4, &Script { join: "{f}, {g}",
        given: &["Anna Maria", "Robert \"Bob\"", "William", "Sophie", "Henry, Jr."],
        family: &["van der Berg", "Smith", "St. John", "de la Cruz", "Smith-Jones"] }),
    (12, &Script { join: "{g} {f}",
        given: &["आरव", "दिया", "कृष्ण", "अनन्या", "प्रिया", "श्रेया"],
        family: &["शर्मा", "वर्मा", "त्रिपाठी", "गुप्ता", "मिश्र"] }),
    (5, &Script { join: "{g} {f}",
        given: &["முத்து", "கவிதா", "அருண்", "செல்வி"],
        family: &["முருகன்", "இராமசாமி", "சுப்பிரமணியன்"] }),
    (6, &Script { join: "{g} {f}",
        given: &["محمد", "فاطمة", "عائشة", "يوسف", "نور"],
        family: &["العلي", "بن سعيد", "الخطيب", "حداد"] }),
    (4, &Script { join: "{g} {f}",
        given: &["נועה", "דוד", "תמר", "אורי"],
        family: &["כהן", "לוי", "בן־דוד", "מזרחי"] }),
    (6, &Script { join: "{f}{g}",
        given: &["伟", "秀英", "子涵", "浩然", "雨桐"],
        family: &["王", "李", "张", "歐陽", "𠮷田"] }),
    (4, &Script { join: "{f} {g}",
        given: &["さくら", "ハルト", "ゆい", "レン"],
        family: &["たなか", "サトウ", "ワタナベ", "すずき"] }),
    (4, &Script { join: "{f}{g}",
        given: &["서연", "민준", "지우", "하은"],
        family: &["김", "이", "박", "남궁"] }),
    (4, &Script { join: "{g} {f}",
        given: &["Анна", "Дмитрий", "Її", "Ђорђе"],
        family: &["Иванова", "Щербак", "Ґудзь", "Њежић"] }),
    (3, &Script { join: "{g} {f}",
        given: &["Ελένη", "Γιώργος", "Σοφία"],
        family: &["Παπαδόπουλος", "Αγγελόπουλος", "Χατζής"] }),
];

/// The full name of a person.
pub(super) fn person(chance: &mut Chance) -> String {
    let script = chance.weighted(SCRIPTS);
    let given = chance.pick(script.given);
    let family = chance.pick(script.family);
    script.join.replace("{g}", given).replace("{f}", family)
}

const STREETS: &[&str] = &[
    "MG Road",
    "Rue de l'Église",
    "Königsallee",
    "महात्मा गांधी मार्ग",
    "شارع النيل",
    "רחוב הרצל",
    "中山路",
    "桜通り",
    "세종대로",
    "Невский проспект",
    "Οδός Ερμού",
    "அண்ணா சாலை",
];

const TOWNS: &[&str] = &[
    "Pune",
    "Bengaluru",
    "दिल्ली",
    "Kraków",
    "القاهرة",
    "חיפה",
    "北京",
    "大阪",
    "서울",
    "Αθήνα",
];

/// Texts in an address field that begin like a formula.
const LIKE_FORMULAS: &[&str] = &[
    "=1+1",
    "@cmd",
    "-2+3",
    "+1-1",
    "=HYPERLINK(\"http://school.example\",\"school\")",
    "'=already quoted",
    "\tc/o the office",
    "＝1＋1",
];

/// A postal address, or none.
pub(super) fn address(chance: &mut Chance) -> Option<String> {
    let number = 1 + chance.below(400);
    let street = chance.pick(STREETS);
    let town = chance.pick(TOWNS);
    let code = 100_000 + chance.below(800_000);
    Some(match chance.below(60) {
        0..=4 => return None,
        5 => String::new(),
        6 => (*chance.pick(LIKE_FORMULAS)).to_owned(),
        7 => format!("🏠 {number} {street} 👩‍🏫, {town}"),
        8 => format!("\"Shanti Nivas\", {number} {street}, {town}"),
        9 => format!("{number} {street}\r\n{town} {code}\r\n"),
        10 => format!("  {number} {street}; {town}\t{code} "),
        11 => format!("C:\\homes\\{number}, {street}, {town}"),
        12..=25 => format!("Flat {}, {number} {street}\n{town} {code}", 1 + number % 40),
        26..=32 => format!("#{:02}-{number:03} {street}, {town} 0{}", number % 20, code % 10_000),
        _ => format!("{number} {street}, {town} {code}"),
    })
}

/// One course each at scale 1.
#[rustfmt::skip]
pub(super) const COURSES: [&str; 40] = [
    "Mathematics I", "Mathematics II", "Physics", "Chemistry, Organic", "Chemistry, Inorganic", "Biology & Ecology",
    "Library Hour", "English Language", "English Literature: \"The Classics\"", "हिन्दी साहित्य", "संस्कृत", "தமிழ்",
    "اللغة العربية", "עברית למתחילים", "中文入门", "日本語 初級", "한국어", "Русский язык", "Ελληνικά", "Français débutant",
    "Español", "Português", "Türkçe", "History of the World", "Geography", "Civics/Politics", "Economics 101",
    "Accounting; Bookkeeping", "C++ for Beginners", "C# and .NET", "Rust 🦀", "Web Design <html>", "Data Science 100%",
    "Art & Craft", "Music – Vocal", "Music – Piano 🎹", "Dance", "Yoga", "Athletics", "Endowed Master Class",
];

/// The description of a course, if it has one.
pub(super) const DESCRIPTIONS: &[Option<&str>] = &[
    None,
    Some(""),
    Some("Two lessons a week, one of them in the laboratory."),
    Some("For beginners.\nNo earlier knowledge is needed, \"only curiosity\"."),
    Some("Bring: pencil, ruler, compasses; and a calculator.\r\nNo telephones."),
    Some("=SUM(A1:A9) is covered in the third week"),
    Some("-2+3 = 1, and other surprises"),
    Some("@school: see the notice board"),
    Some("Unterricht auf Deutsch – für Fortgeschrittene"),
    Some("मंगलवार और गुरुवार को"),
    Some("دورة مكثفة، ثلاثة أيام في الأسبوع"),
    Some("✨ New this year ✨"),
];

/// The contact of an instructor, if there is one.
pub(super) const CONTACTS: &[Option<&str>] = &[
    None,
    Some("+91 98765 43210"),
    Some("+91-98230-00117"),
    Some("staff-room@school.example"),
    Some("extension 007"),
    Some("0044 20 7946 0018"),
    Some("@meera (chat)"),
    Some("Room 12, \"Old Wing\""),
];

/// Name, description, and the usual price in whole units of money.
pub(super) const CATEGORIES: &[(&str, Option<&str>, i64)] = &[
    ("Tuition", Some("Each term, in advance."), 18_000),
    ("Admission", Some("Once, on admission; not refundable."), 5_000),
    ("Examination", None, 1_200),
    ("Library", Some("Membership, and fines \"if any\"."), 450),
    ("Laboratory", Some("Glass, chemicals,\nprotective clothing."), 2_300),
    ("Transport", Some("=distance * rate"), 7_200),
    ("Hostel, Mess & Laundry", Some(""), 42_000),
    ("छात्रवृत्ति वापसी 🎓", None, 900),
];
