//! A small school of awkward rows, with the expected output.
//!
//! Every nullable column has NULL in one row and an empty text in another. There are quotes, commas, line breaks of
//! all kinds, backslashes (`\N` is NULL in a COPY), right-to-left texts, emoji, formulas in many forms, leading zeros,
//! phone numbers, dates before 1970 and after 2038, microseconds, the largest amount of money, a refund, gaps between
//! ids, and rows inserted out of order.

use super::engine::Engine;
use super::scratch::Scratch;

/// The hash of every user's password, [`super::ADMIN_PASSWORD`], with argon2id.
const PASSWORD_HASH: &str =
    "$argon2id$v=19$m=19456,t=2,p=1$+cheC9RhctdQQHH3P5H1+A$hfYSLP5iHcdhktmGmfpPogYDyKMkFxZE7krtzprosoI";

/// A value in its canonical form, which an archive has.
#[derive(Clone, Copy, Debug)]
enum Value {
    Null,
    Integer(i64),
    Text(&'static str),
    Money(&'static str),
    Date(&'static str),
    Time(&'static str),
    Boolean(bool),
}

use Value::{Boolean as B, Date as D, Integer as I, Money as M, Null as N, Text as T, Time as W};

struct Table {
    name: &'static str,
    columns: &'static [&'static str],
    /// In id order.
    rows: &'static [&'static [Value]],
    /// In UTC, without byte order mark; `¦` is the `'` of the formula guard.
    csv: &'static str,
}

// Each row has one or two lines, so that the table stays readable.
#[rustfmt::skip]
const SCHOOL: [Table; 7] = [
    Table {
        name: "users",
        columns: &["id", "username", "email", "password_hash", "role", "is_active", "created_at"],
        rows: &[
            &[I(1), T("admin"), T("admin@school.example"), T(PASSWORD_HASH), T("admin"), B(true),
              W("2024-01-01T00:00:00Z")],
            &[I(2), T("teacher"), N, T(PASSWORD_HASH), T("teacher"), B(true), W("1969-12-31T23:59:59.000001Z")],
            &[I(3), T("büro, \"kasse\""), T(""), T(PASSWORD_HASH), T("accountant"), B(false),
              W("2039-06-30T12:00:00Z")],
            &[I(4), T("-old.admin"), T("old@school.example"), T(PASSWORD_HASH), T("admin"), B(false),
              W("2024-02-29T12:00:00Z")],
            &[I(9), T("Admin"), N, T(PASSWORD_HASH), T("accountant"), B(true), W("2024-02-29T12:00:00.999999Z")],
        ],
        csv: concat!(
            "ID,Username,Email,Role,Active,Created At\r\n",
            "1,admin,admin@school.example,admin,true,01-01-2024 00:00:00\r\n",
            "2,teacher,,teacher,true,31-12-1969 23:59:59\r\n",
            "3,\"büro, \"\"kasse\"\"\",\"\",accountant,false,30-06-2039 12:00:00\r\n",
            "4,¦-old.admin,old@school.example,admin,false,29-02-2024 12:00:00\r\n",
            "9,Admin,,accountant,true,29-02-2024 12:00:00\r\n",
        ),
    },
    Table {
        name: "students",
        columns: &["id", "full_name", "registration_number", "email", "phone", "address", "date_of_birth",
                   "created_at"],
        rows: &[
            &[I(1), T("Ann \"Annie\" O'Neil, Jr."), T("000123"), T("ann@school.example"), T("+91 98765 43210"),
              T("12 High St\r\nFlat 3"), D("1969-12-31"), W("2024-02-29T12:00:00Z")],
            &[I(2), T("=HYPERLINK(\"http://evil.example\",\"x\")"), T("1E5"), N, N, N, N,
              W("1931-01-02T03:04:05.000100Z")],
            &[I(3), T("שלום עולם"), T("'=already"), T(""), T(""), T(""), D("2039-01-20"),
              W("2099-12-31T23:59:59.999999Z")],
            &[I(4), T("😀 Zoë 王小明"), T(" 42 "), T("-2+3"), T("(022) 2345-6789"), T("\ttab\tstop"), D("1900-01-01"),
              W("2038-01-19T03:14:08Z")],
            &[I(11), T("+1+cmd|' /C calc'!A0"), T("@SUM(A1)"), T("＝1+1"), T("-5"), T("\nfirst\rsecond\\n"),
              D("1890-05-06"), W("1970-01-01T00:00:00Z")],
        ],
        csv: concat!(
            "ID,Full Name,Registration Number,Email,Phone,Address,Date of Birth,Created At\r\n",
            "1,\"Ann \"\"Annie\"\" O'Neil, Jr.\",000123,ann@school.example,+91 98765 43210,\"12 High St\r\nFlat 3\",",
            "31-12-1969,29-02-2024 12:00:00\r\n",
            "2,\"¦=HYPERLINK(\"\"http://evil.example\"\",\"\"x\"\")\",1E5,,,,,02-01-1931 03:04:05\r\n",
            "3,שלום עולם,¦'=already,\"\",\"\",\"\",20-01-2039,31-12-2099 23:59:59\r\n",
            "4,😀 Zoë 王小明, 42 ,¦-2+3,(022) 2345-6789,\"¦\ttab\tstop\",01-01-1900,19-01-2038 03:14:08\r\n",
            "11,¦+1+cmd|' /C calc'!A0,¦@SUM(A1),¦＝1+1,-5,\"¦\nfirst\rsecond\\n\",06-05-1890,01-01-1970 00:00:00\r\n",
        ),
    },
    Table {
        name: "courses",
        columns: &["id", "name", "description", "instructor_name", "instructor_contact", "fee", "seats", "created_at"],
        rows: &[
            &[I(1), T("Mathematics, \"Advanced\""), T("C:\\temp\\new"), T("Ó'Brien"), T("+44 (0)20 7946-0958"),
              M("9999999999.99"), I(30), W("2024-01-01T00:00:00Z")],
            &[I(2), T("\\N"), N, N, N, M("0.00"), I(0), W("2024-01-01T00:00:00.500000Z")],
            &[I(3), T("NULL"), T(""), T(""), T(""), M("0.10"), I(2_147_483_648), W("2024-01-01T00:00:00Z")],
        ],
        csv: concat!(
            "ID,Course Name,Description,Instructor Name,Instructor Contact,Fee,Seats,Created At\r\n",
            "1,\"Mathematics, \"\"Advanced\"\"\",C:\\temp\\new,Ó'Brien,+44 (0)20 7946-0958,9999999999.99,30,",
            "01-01-2024 00:00:00\r\n",
            "2,\\N,,,,0.00,0,01-01-2024 00:00:00\r\n",
            "3,NULL,\"\",\"\",\"\",0.10,2147483648,01-01-2024 00:00:00\r\n",
        ),
    },
    Table {
        name: "payment_categories",
        columns: &["id", "name", "description", "created_at"],
        rows: &[
            &[I(1), T("Tuition"), N, W("2024-01-01T00:00:00Z")],
            &[I(2), T("=Library; \"late\""), T(""), W("2024-01-01T00:00:00.000001Z")],
            &[I(3), T("Lab, fees"), T("glass\r\nand {\"acid\": 'x'}"), W("2024-01-01T00:00:00Z")],
        ],
        csv: concat!(
            "ID,Name,Description,Created At\r\n",
            "1,Tuition,,01-01-2024 00:00:00\r\n",
            "2,\"¦=Library; \"\"late\"\"\",\"\",01-01-2024 00:00:00\r\n",
            "3,\"Lab, fees\",\"glass\r\nand {\"\"acid\"\": 'x'}\",01-01-2024 00:00:00\r\n",
        ),
    },
    Table {
        name: "enrollments",
        columns: &["id", "student_id", "course_id", "enrolled_at"],
        rows: &[
            &[I(1), I(1), I(1), W("2024-03-01T10:20:30.123456Z")],
            &[I(2), I(2), I(1), W("1969-12-31T23:59:59Z")],
            &[I(7), I(11), I(3), W("2039-01-01T00:00:00Z")],
        ],
        csv: concat!(
            "ID,Student ID,Course ID,Enrolled At\r\n",
            "1,1,1,01-03-2024 10:20:30\r\n",
            "2,2,1,31-12-1969 23:59:59\r\n",
            "7,11,3,01-01-2039 00:00:00\r\n",
        ),
    },
    Table {
        name: "payments",
        columns: &["id", "student_id", "category_id", "amount_paid", "payment_date", "status", "transaction_id"],
        rows: &[
            &[I(1), I(1), I(1), M("9999999999.99"), W("2024-03-31T18:30:00Z"), T("paid"), T("000777")],
            &[I(2), I(2), I(2), M("0.01"), W("1969-07-20T20:17:40.500000Z"), T("pending"), N],
            &[I(3), I(1), I(3), M("-12.50"), W("2039-12-31T23:59:59Z"), T("partial_paid"), T("")],
        ],
        csv: concat!(
            "ID,Student ID,Amount Paid,Payment Date,Payment Category,Status,Transaction ID\r\n",
            "1,1,9999999999.99,31-03-2024 18:30:00,Tuition,paid,000777\r\n",
            "2,2,0.01,20-07-1969 20:17:40,\"¦=Library; \"\"late\"\"\",pending,\r\n",
            "3,1,-12.50,31-12-2039 23:59:59,\"Lab, fees\",partial_paid,\"\"\r\n",
        ),
    },
    Table {
        name: "attendance",
        columns: &["id", "student_id", "course_id", "date", "status"],
        rows: &[
            &[I(1), I(1), I(1), D("2024-02-29"), T("present")],
            &[I(2), I(2), I(1), D("1969-12-31"), T("absent")],
            &[I(5), I(11), I(3), D("2039-12-31"), T("leave")],
        ],
        csv: concat!(
            "ID,Student ID,Course ID,Date,Status\r\n",
            "1,1,1,29-02-2024,present\r\n",
            "2,2,1,31-12-1969,absent\r\n",
            "5,11,3,31-12-2039,leave\r\n",
        ),
    },
];

/// Payments in the time zone of Kolkata, which is five and a half hours ahead of UTC.
pub const PAYMENTS_IN_KOLKATA: &str = concat!(
    "ID,Student ID,Amount Paid,Payment Date,Payment Category,Status,Transaction ID\r\n",
    "1,1,9999999999.99,01-04-2024 00:00:00,Tuition,paid,000777\r\n",
    "2,2,0.01,21-07-1969 01:47:40,\"'=Library; \"\"late\"\"\",pending,\r\n",
    "3,1,-12.50,01-01-2040 05:29:59,\"Lab, fees\",partial_paid,\"\"\r\n",
);

/// The sums of the decimal columns, as an archive's summary has them.
pub const TOTALS: [(&str, &str); 2] = [
    ("courses.fee", "10000000000.09"),
    ("payments.amount_paid", "9999999987.50"),
];

/// The rows of the small school, in a database of their own.
pub struct School {
    pub scratch: Scratch,
}

/// Creates the small school.
pub async fn small_school(engine: Engine) -> School {
    small_school_in(Scratch::migrated(engine).await).await
}

/// The same in a database with the schema and no rows.
pub async fn small_school_in(scratch: Scratch) -> School {
    let engine = scratch.engine();
    for table in &SCHOOL {
        // The last row is inserted first, so that no table is in id order by chance.
        for row in table.rows.iter().rev() {
            let values: Vec<_> = row.iter().zip(0..).map(|(value, at)| value.sql(engine, at)).collect();
            let columns = table.columns.join(", ");
            let values = values.join(", ");
            scratch
                .execute(&format!("insert into {} ({columns}) values ({values})", table.name))
                .await;
        }
        if engine == Engine::Postgres {
            // Explicit ids don't advance the sequence. In a real school the sequence is at the highest id.
            let name = table.name;
            let moved = format!("select setval(pg_get_serial_sequence('{name}', 'id'), max(id)) from {name}");
            scratch.execute(&moved).await;
        }
    }
    School { scratch }
}

impl School {
    /// The expected CSV download, without its byte order mark.
    pub fn csv(table: &str) -> String {
        find(table).csv.replace('¦', "'")
    }

    /// The same without the formula guard.
    pub fn unguarded_csv(table: &str) -> String {
        find(table).csv.replace('¦', "")
    }

    /// The expected rows in an archive, one line for each, without the commas between them.
    pub fn lines(table: &str) -> Vec<String> {
        let table = find(table);
        let line = |row: &&[Value]| {
            let members = table.columns.iter().zip(*row);
            let members: Vec<_> = members
                .map(|(column, value)| format!("\"{column}\":{}", value.json()))
                .collect();
            format!("{{{}}}", members.join(","))
        };
        table.rows.iter().map(line).collect()
    }

    /// The texts that a reader must find in a file. `None` for NULL and for values that are not texts.
    pub fn texts(table: &str, column: &str) -> Vec<Option<&'static str>> {
        let table = find(table);
        let at = table.columns.iter().position(|name| *name == column).unwrap();
        let text = |row: &&[Value]| match row[at] {
            T(text) => Some(text),
            _ => None,
        };
        table.rows.iter().map(text).collect()
    }

    pub fn count(table: &str) -> usize {
        find(table).rows.len()
    }
}

fn find(name: &str) -> &'static Table {
    SCHOOL.iter().find(|table| table.name == name).unwrap()
}

impl Value {
    fn json(self) -> String {
        match self {
            N => "null".to_owned(),
            I(number) => number.to_string(),
            B(truth) => truth.to_string(),
            T(text) | M(text) | D(text) | W(text) => serde_json::to_string(text).unwrap(),
        }
    }

    /// A literal. SQLite has no type for times, so the forms that programs write are used in turn.
    fn sql(self, engine: Engine, at: usize) -> String {
        match self {
            N => "null".to_owned(),
            I(number) => number.to_string(),
            M(money) => money.to_owned(),
            B(truth) => truth.to_string(),
            D(date) => format!("'{date}'"),
            T(text) => literal(engine, text),
            W(time) => {
                let (bare, spaced) = (time.trim_end_matches('Z'), time.trim_end_matches('Z').replace('T', " "));
                match (engine, at % 2) {
                    (Engine::Mysql, _) | (Engine::Sqlite, 0) => format!("'{spaced}'"),
                    (Engine::Postgres, _) => format!("'{spaced}+00'"),
                    (Engine::Sqlite, _) => format!("'{bare}+00:00'"),
                }
            }
        }
    }
}

/// A text as an SQL literal.
pub fn literal(engine: Engine, text: &str) -> String {
    let text = text.replace('\'', "''");
    match engine {
        Engine::Mysql => format!("'{}'", text.replace('\\', "\\\\")),
        Engine::Sqlite | Engine::Postgres => format!("'{text}'"),
    }
}
