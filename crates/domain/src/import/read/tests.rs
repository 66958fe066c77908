//! Whole files, as people and programs make them.

use std::io::Write as _;

use proptest::prelude::*;
use rust_xlsxwriter::{ExcelDateTime, Format, Formula, Workbook as NewWorkbook};
use tempfile::NamedTempFile;
use zip::ZipWriter;
use zip::write::SimpleFileOptions;

use super::*;
use crate::import::template::{TemplateFormat, template};

/// What a file was read as, as texts.
#[derive(Debug, Default)]
struct Found {
    columns: Vec<String>,
    rows: Vec<(u64, Vec<String>)>,
    wrong: Vec<(u64, Vec<CellFault>)>,
}

impl FileSink for Found {
    fn begin(&mut self, columns: &[FileColumn]) -> Result<()> {
        self.columns = columns.iter().map(|column| column.heading.clone()).collect();
        Ok(())
    }

    fn row(&mut self, row: u64, cells: &[FileCell<'_>]) -> Result<()> {
        assert_eq!(cells.len(), self.columns.len());
        self.rows.push((row, cells.iter().map(written).collect()));
        Ok(())
    }

    fn wrong(&mut self, row: u64, faults: &[CellFault]) -> Result<()> {
        assert!(!faults.is_empty());
        self.wrong.push((row, faults.to_vec()));
        Ok(())
    }
}

fn written(cell: &FileCell<'_>) -> String {
    let json = |cell: Cell<'_>| {
        let mut out = Vec::new();
        cell.write_json(&mut out);
        String::from_utf8(out).unwrap()
    };
    match cell {
        FileCell::Empty => "-".to_owned(),
        FileCell::Value(value) => json(*value),
        FileCell::Text { value, other } => format!("{} or {}", json(Cell::Text(value)), json(Cell::Text(other))),
        FileCell::Timestamp {
            value,
            other: None,
            precision,
        } => format!("{} +{precision}", json(Cell::Timestamp(*value))),
        FileCell::Timestamp {
            value,
            other,
            precision,
        } => format!("{value} or {other:?} +{precision}"),
    }
}

fn file(bytes: &[u8]) -> NamedTempFile {
    let mut file = NamedTempFile::new().unwrap();
    file.write_all(bytes).unwrap();
    file
}

fn read_with(bytes: &[u8], table: Table, options: &ReadOptions) -> Result<(FileFacts, Found), ReadError> {
    let file = file(bytes);
    let source = FileSource {
        path: file.path(),
        table,
        zone: Tz::Asia__Kolkata,
        options,
    };
    let mut found = Found::default();
    let facts = read(&source, &mut found)?;
    Ok((facts, found))
}

fn read_bytes(bytes: impl AsRef<[u8]>, table: Table) -> (FileFacts, Found) {
    read_with(bytes.as_ref(), table, &ReadOptions::default()).unwrap()
}

fn fault(bytes: impl AsRef<[u8]>, table: Table) -> FileFault {
    match read_with(bytes.as_ref(), table, &ReadOptions::default()) {
        Err(ReadError::File(fault)) => fault,
        other => panic!("{other:?}"),
    }
}

/// Headings and rows as a workbook, with `change` for what is special.
fn xlsx(rows: &[&[&str]], change: impl FnOnce(&mut NewWorkbook)) -> Vec<u8> {
    let mut workbook = NewWorkbook::new();
    let sheet = workbook.add_worksheet();
    for (row, cells) in (0..).zip(rows) {
        for (column, cell) in (0..).zip(*cells) {
            if !cell.is_empty() {
                sheet.write_string(row, column, *cell).unwrap();
            }
        }
    }
    change(&mut workbook);
    workbook.save_to_buffer().unwrap()
}

fn zip(parts: &[(&str, &str)]) -> Vec<u8> {
    let mut out = Vec::new();
    let mut zip = ZipWriter::new(std::io::Cursor::new(&mut out));
    for (name, content) in parts {
        zip.start_file(*name, SimpleFileOptions::default()).unwrap();
        zip.write_all(content.as_bytes()).unwrap();
    }
    zip.finish().unwrap();
    out
}

fn ods(rows: &str) -> Vec<u8> {
    let content = format!(
        r#"<?xml version="1.0"?><office:document-content xmlns:office="o" xmlns:table="t" xmlns:text="x"><office:body><office:spreadsheet><table:table table:name="Sheet1">{rows}</table:table></office:spreadsheet></office:body></office:document-content>"#
    );
    zip(&[
        ("mimetype", "application/vnd.oasis.opendocument.spreadsheet"),
        (
            "META-INF/manifest.xml",
            r#"<manifest:manifest xmlns:manifest="m"></manifest:manifest>"#,
        ),
        ("content.xml", &content),
    ])
}

#[test]
fn csv_of_people_is_read() {
    let text = "Greenfield School\r\n\r\nStudent Name;Reg No;DOB;Remarks\r\nAnita;R-1;1/2/10;good\r\n;;;\r\nRavi;007;;\r\nTotal:;;;2\r\n";
    let (facts, found) = read_bytes(text, Table::Students);
    assert_eq!(found.columns, ["Student Name", "Reg No", "DOB"]);
    assert_eq!(
        found.rows,
        [
            (
                4,
                vec![
                    "\"Anita\"".to_owned(),
                    "\"R-1\"".to_owned(),
                    "\"2010-02-01\"".to_owned()
                ]
            ),
            (6, vec!["\"Ravi\"".to_owned(), "\"007\"".to_owned(), "-".to_owned()]),
        ]
    );
    assert_eq!((facts.rows, facts.wrong, facts.format), (2, 0, "csv"));
    assert_eq!(facts.ignored[0].0, "Remarks");
    let notes = facts.notes.join(" ");
    for said in [
        "semicolons",
        "row 3",
        "day first",
        "two digits",
        "totals are left out: 7",
        "Blank rows",
    ] {
        assert!(notes.contains(said), "{said}: {notes}");
    }
}

#[test]
fn every_encoding_is_recognized_and_told() {
    let text = "Full Name,Registration Number\r\nZoë Müller ärgert sich über Größe,R-1\r\n";
    let utf16 = |to_bytes: fn(u16) -> [u8; 2]| text.encode_utf16().flat_map(to_bytes).collect::<Vec<u8>>();
    let marked = |mark: &[u8], text: Vec<u8>| [mark, &text].concat();
    let windows: Vec<u8> = text
        .chars()
        .map(|letter| u8::try_from(u32::from(letter)).unwrap())
        .collect();
    for (bytes, name) in [
        (text.as_bytes().to_vec(), "UTF-8"),
        (marked(b"\xef\xbb\xbf", text.as_bytes().to_vec()), "UTF-8"),
        (marked(b"\xff\xfe", utf16(u16::to_le_bytes)), "UTF-16LE"),
        (marked(b"\xfe\xff", utf16(u16::to_be_bytes)), "UTF-16BE"),
        (utf16(u16::to_le_bytes), "UTF-16LE"),
        (utf16(u16::to_be_bytes), "UTF-16BE"),
        (windows, "Windows-1252"),
    ] {
        let (facts, found) = read_bytes(bytes, Table::Students);
        assert_eq!(facts.encoding, Some(name));
        assert_eq!(found.rows[0].1[0], "\"Zoë Müller ärgert sich über Größe\"", "{name}");
    }
}

#[test]
fn cut_or_lone_surrogate_is_refused() {
    let mut bytes = b"\xff\xfe".to_vec();
    for unit in "Full Name,Registration Number\r\n".encode_utf16().chain([0xd800, 0x41]) {
        bytes.extend_from_slice(&unit.to_le_bytes());
    }
    assert!(fault(bytes, Table::Students).detail.contains("surrogate"));
    for (escaped, said) in [(r"\udc00", "surrogate"), (r"\ud800", "hex escape")] {
        let json = format!(r#"[{{"full_name":"{escaped}","registration_number":"1"}}]"#);
        assert!(fault(json, Table::Students).detail.contains(said));
    }
}

#[test]
fn empty_text_guard_and_line_breaks_come_back() {
    let text = "ID,Full Name,Registration Number,Email,Phone,Address,Date of Birth,Created At\r\n\
                1,'=1+1,000123,,+91 98450 12345,\"\",,01-02-2024 10:00:00\r\n\
                2,\"a\nb 😀\",''@x,,,\"say \"\"hi\"\"\",31-12-2010,01-02-2024 10:00:00\r\n";
    let (_, found) = read_bytes(text, Table::Students);
    let first = &found.rows[0].1;
    assert_eq!(first[1], "\"=1+1\" or \"'=1+1\"");
    assert_eq!(&first[2..6], ["\"000123\"", "-", "\"+91 98450 12345\"", "\"\""]);
    assert_eq!(first[7], "\"2024-02-01T04:30:00Z\" +1000000");
    assert_eq!(found.rows[1].1[1], "\"a\\nb 😀\"");
    assert_eq!(found.rows[1].1[2], "\"'@x\" or \"''@x\"");
    let unguarded = ReadOptions {
        formula_guard: false,
        ..ReadOptions::default()
    };
    let (_, found) = read_with(text.as_bytes(), Table::Students, &unguarded).unwrap();
    assert_eq!(found.rows[0].1[1], "\"'=1+1\" or \"=1+1\"");
}

#[test]
fn wrong_cells_are_named() {
    let text = "Student ID,Category,Amount,Date,Status,Transaction ID\n\
                1,Fees,\"1,234\",30-02-2024,paid,1.23E+10\n\
                9223372036854775807,,1.234567,01-01-2024,lost,a\0b\n\
                1,Fees,10000000000.00,01-01-2024,Paid,\n\
                2,Fees,5,01-01-2024,P-1,x,y\n";
    let (facts, found) = read_bytes(text, Table::Payments);
    assert_eq!((facts.rows, facts.wrong), (4, 4));
    let named: Vec<_> = found
        .wrong
        .iter()
        .map(|(row, faults)| {
            (
                *row,
                faults.iter().map(|fault| fault.heading.as_str()).collect::<Vec<_>>(),
            )
        })
        .collect();
    assert_eq!(
        named,
        [
            (2, vec!["Amount", "Date", "Transaction ID"]),
            (3, vec!["Student ID", "Category", "Amount", "Status", "Transaction ID"]),
            (4, vec!["Amount"]),
            (5, vec![""]),
        ]
    );
    assert_eq!(found.wrong[0].1[0].value, "1,234");
}

#[test]
fn other_files_are_refused_plainly() {
    let ole = |rest: &[u8]| [b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1".as_slice(), rest].concat();
    let encrypted: Vec<u8> = "EncryptedPackage".encode_utf16().flat_map(u16::to_le_bytes).collect();
    for (bytes, said) in [
        (b"".to_vec(), "empty"),
        (b"\xef\xbb\xbf\r\n\r\n".to_vec(), "empty"),
        (b"%PDF-1.7 ...".to_vec(), "PDF"),
        (b"<!DOCTYPE html><table>".to_vec(), "web page"),
        (b"<?xml version='1.0'?><Workbook>".to_vec(), "XML"),
        ((0..=255).cycle().take(4_096).collect(), "not text"),
        (ole(b"old"), "xls"),
        (ole(&encrypted), "password"),
        (zip(&[("a.txt", "a")]), "no workbook"),
        (zip(&[("word/document.xml", "<w/>")]), "text document"),
        (b"Full Name,Registration Number\r\n".to_vec(), "no rows below"),
        (b"Full Name,Full Name\r\nx,y\r\n".to_vec(), "twice"),
        (b"1,Anita\r\n2,Ravi\r\n".to_vec(), "no headings"),
        (
            b"Full Name,Registration Number\r\n\"Anita,R-1\r\nRavi,R-2\r\n".to_vec(),
            "never ends",
        ),
        (
            b"ID,Student ID,Course ID,Date,Status\r\n1,1,1,01-01-2024,present\r\n".to_vec(),
            "headings of attendance",
        ),
        (b"{\"payments\":[]}".to_vec(), "no students; it has payments"),
        (b"{\"students\":[]}".to_vec(), "no rows of students"),
        (b"[{\"full_name\":\"x\"".to_vec(), "too early"),
        (b"[1]".to_vec(), "not valid JSON"),
        (b"[{\"full_name\":1}x]".to_vec(), "not valid JSON"),
    ] {
        let fault = fault(&bytes, Table::Students);
        assert!(fault.detail.contains(said), "{said}: {}", fault.detail);
    }
}

#[test]
fn workbook_cells_are_read_by_their_kind() {
    let bytes = xlsx(
        &[
            &["School"],
            &[],
            &[
                "Full Name",
                "Registration Number",
                "Phone",
                "Date of Birth",
                "Created At",
            ],
            &["Anita", "000123", "", "", "01-02-2024 10:00:00"],
        ],
        |workbook| {
            let sheet = workbook.worksheet_from_index(0).unwrap();
            let date = Format::new().set_num_format("dd-mm-yyyy");
            sheet.write_number(3, 2, 9_845_012_345.0).unwrap();
            sheet
                .write_with_format(3, 3, ExcelDateTime::from_ymd(2010, 12, 31).unwrap(), &date)
                .unwrap();
            sheet.write_string(4, 0, "Ravi").unwrap();
            sheet.write_number(4, 1, 1e16).unwrap();
            sheet.write_number(4, 3, 40_543.0).unwrap();
            sheet.write_string(5, 0, "Uma").unwrap();
            sheet
                .write_formula(5, 1, Formula::new("=[1]Other!A1").set_result("R-9"))
                .unwrap();
            sheet.write_string(6, 0, "Om").unwrap();
            sheet
                .write_formula(6, 1, Formula::new("=\"R\"&3").set_result("R3"))
                .unwrap();
            sheet.write_number(6, 3, 40_543.0).unwrap();
            let time = Format::new().set_num_format("dd-mm-yyyy hh:mm:ss");
            sheet
                .write_with_format(
                    6,
                    4,
                    ExcelDateTime::from_ymd(2024, 2, 1).unwrap().and_hms(10, 0, 0).unwrap(),
                    &time,
                )
                .unwrap();
        },
    );
    let (facts, found) = read_bytes(bytes, Table::Students);
    assert_eq!(facts.format, "xlsx");
    assert_eq!(
        found.rows[0],
        (
            4,
            [
                "\"Anita\"",
                "\"000123\"",
                "\"9845012345\"",
                "\"2010-12-31\"",
                "\"2024-02-01T04:30:00Z\" +1000000"
            ]
            .map(str::to_owned)
            .to_vec()
        )
    );
    assert_eq!(found.rows[1].1[1], "\"R3\"");
    assert_eq!(found.rows[1].1[3], "\"2010-12-31\"");
    assert_eq!(found.rows[1].1[4], "\"2024-02-01T04:30:00Z\" +1000000");
    assert_eq!(found.wrong.iter().map(|(row, _)| *row).collect::<Vec<_>>(), [5, 6]);
    assert!(found.wrong[0].1[0].reason.contains("15 digits"));
    assert!(found.wrong[1].1[0].reason.contains("another file"));
}

#[test]
fn sheet_is_chosen_only_if_there_is_one() {
    let rows: &[&[&str]] = &[&["Full Name", "Registration Number"], &["Anita", "R-1"]];
    let with_sheets = |second: &[&[&str]]| {
        xlsx(rows, |workbook| {
            let sheet = workbook.add_worksheet().set_name("Class 2").unwrap();
            for (row, cells) in (0..).zip(second) {
                for (column, cell) in (0..).zip(*cells) {
                    sheet.write_string(row, column, *cell).unwrap();
                }
            }
        })
    };
    let (facts, _) = read_bytes(with_sheets(&[&["Some notes"]]), Table::Students);
    assert_eq!(facts.sheet.as_deref(), Some("Sheet1"));
    let two = with_sheets(&[&["Full Name", "Registration Number"], &["Ravi", "R-2"]]);
    let refused = fault(&two, Table::Students);
    assert!(refused.detail.contains("`Sheet1`, `Class 2`"), "{}", refused.detail);
    let chosen = |sheet: &str| ReadOptions {
        sheet: Some(sheet.to_owned()),
        ..ReadOptions::default()
    };
    let (_, found) = read_with(&two, Table::Students, &chosen("class 2")).unwrap();
    assert_eq!(found.rows[0].1[0], "\"Ravi\"");
    assert!(read_with(&two, Table::Students, &chosen("Class 3")).is_err());
    assert!(read_with(b"Full Name\nx\n", Table::Students, &chosen("x")).is_err());
}

#[test]
fn bomb_is_refused_before_it_is_kept() {
    let bytes = xlsx(&[&["Full Name"]], |_| {});
    let mut archive = zip::ZipArchive::new(std::io::Cursor::new(bytes)).unwrap();
    let mut out = Vec::new();
    let mut bomb = ZipWriter::new(std::io::Cursor::new(&mut out));
    for index in 0..archive.len() {
        bomb.raw_copy_file(archive.by_index_raw(index).unwrap()).unwrap();
    }
    bomb.start_file("xl/media/bomb.bin", SimpleFileOptions::default())
        .unwrap();
    let zeros = vec![0; 1 << 20];
    for _ in 0..65 {
        bomb.write_all(&zeros).unwrap();
    }
    bomb.finish().unwrap();
    assert!(out.len() < 1 << 20);
    assert!(fault(out, Table::Students).detail.contains("64 MiB"));
    let long = xlsx(&[&["Full Name"], &["x"]], |_| {});
    let mut archive = zip::ZipArchive::new(std::io::Cursor::new(long)).unwrap();
    let mut out = Vec::new();
    let mut workbook = ZipWriter::new(std::io::Cursor::new(&mut out));
    for index in 0..archive.len() {
        workbook.raw_copy_file(archive.by_index_raw(index).unwrap()).unwrap();
    }
    workbook
        .start_file("xl/worksheets/long.xml", SimpleFileOptions::default())
        .unwrap();
    workbook
        .write_all(format!("<v>{}</v>", "x".repeat(2 << 20)).as_bytes())
        .unwrap();
    workbook.finish().unwrap();
    assert!(fault(out, Table::Students).detail.contains("cell"));
}

#[test]
fn number_of_texts_reserves_no_memory() {
    let bytes = xlsx(&[&["Full Name"], &["x"]], |_| {});
    let mut archive = zip::ZipArchive::new(std::io::Cursor::new(bytes)).unwrap();
    let mut out = Vec::new();
    let mut workbook = ZipWriter::new(std::io::Cursor::new(&mut out));
    for index in 0..archive.len() {
        let part = archive.by_index_raw(index).unwrap();
        if part.name().unwrap() != "xl/sharedStrings.xml" {
            workbook.raw_copy_file(part).unwrap();
        }
    }
    workbook
        .start_file("xl/sharedStrings.xml", SimpleFileOptions::default())
        .unwrap();
    workbook
        .write_all(br#"<sst uniqueCount = "9223372036854775807"><si><t>x</t></si></sst>"#)
        .unwrap();
    workbook.finish().unwrap();
    assert!(fault(out, Table::Students).detail.contains("texts"));
}

#[test]
fn ods_is_read_and_its_repeats_are_limited() {
    let text = |text: &str| {
        format!(r#"<table:table-cell office:value-type="string"><text:p>{text}</text:p></table:table-cell>"#)
    };
    let row = |cells: &[String]| format!("<table:table-row>{}</table:table-row>", cells.concat());
    let date = r#"<table:table-cell office:value-type="date" office:date-value="2010-12-31"><text:p>31/12/10</text:p></table:table-cell>"#;
    let headings = row(&[text("Full Name"), text("Reg No"), text("DOB")]);
    let bytes = ods(&format!(
        "{headings}{}",
        row(&[text("Anita"), text("R-1"), date.to_owned()])
    ));
    let (facts, found) = read_bytes(bytes, Table::Students);
    assert_eq!(facts.format, "ods");
    assert_eq!(
        found.rows,
        [(
            2,
            ["\"Anita\"", "\"R-1\"", "\"2010-12-31\""].map(str::to_owned).to_vec()
        )]
    );
    let far = r#"<table:table-row><table:table-cell table:number-columns-repeated="16000"/><table:table-cell office:value-type="string"><text:p>x</text:p></table:table-cell></table:table-row>"#;
    for bomb in [
        format!("{headings}{}", far.repeat(200)),
        format!(
            r#"{headings}<table:table-row table:number-rows-repeated="1000000">{}</table:table-row>"#,
            text("x").repeat(3)
        ),
        format!(r#"{headings}<table:table-row table:number-rows-repeated="1000000"/>{headings}"#),
    ] {
        assert!(
            fault(ods(&bomb), Table::Students).detail.contains("cells"),
            "{bomb:.100}"
        );
    }
    for hidden in ["<!-- ' -->", "<?x ><table:table-row> ?>"] {
        assert!(
            fault(ods(&format!("{headings}{hidden}{headings}")), Table::Students)
                .detail
                .contains("damaged"),
            "{hidden}"
        );
    }
    // A million empty rows at the end are what LibreOffice writes.
    let usual = format!(
        r#"{headings}{headings}<table:table-row table:number-rows-repeated="1048574"><table:table-cell table:number-columns-repeated="16384"/></table:table-row>"#
    );
    assert_eq!(read_bytes(ods(&usual), Table::Students).0.rows, 1);
}

#[test]
fn json_of_every_layout_is_read() {
    let row = r#"{"id":9007199254740993,"full_name":"Anita","registration_number":"R-1","email":null,"created_at":"2024-01-01T00:00:00Z"}"#;
    let archive = format!(
        r#"{{"format":"campus-backup","version":1,"schema":{{"students":[{{"name":"id"}}]}},"tables":{{"users":[],"students":[{row}]}},"summary":{{"rows":{{"students":1}}}}}}"#
    );
    let original = format!(
        r#"{{"students":[{row}],"courses":[],"enrollments":[],"payments":[{{"x":[1,{{}}]}}],"attendance":[],"exported_at":"x"}}"#
    );
    for (text, said) in [
        (format!("[{row},{row}]"), None),
        (format!("{row}\n{row}\n"), None),
        (format!("\u{feff}{{\"data\":{{\"students\":[{row}]}}}}"), None),
        (archive, Some("It also has users")),
        (original, Some("It does not have users, payment_categories")),
    ] {
        let (facts, found) = read_bytes(&text, Table::Students);
        assert_eq!(found.rows[0].0, 1, "{text}");
        assert_eq!(
            found.rows[0].1,
            [
                "9007199254740993",
                "\"Anita\"",
                "\"R-1\"",
                "null",
                "\"2024-01-01T00:00:00Z\" +1"
            ],
            "{text}"
        );
        if let Some(said) = said {
            assert!(facts.notes.join(" ").contains(said), "{:?}", facts.notes);
        }
    }
}

#[test]
fn json_row_that_lacks_a_key_is_wrong() {
    let text = r#"[{"full_name":"A","registration_number":"1","phone":"2"},{"full_name":"B","registration_number":"2"},
                   {"full_name":"C","full_name":"D","registration_number":"3","phone":["4"]}]"#;
    let (facts, found) = read_bytes(text, Table::Students);
    assert_eq!((facts.rows, facts.wrong), (3, 2));
    assert!(found.wrong[0].1[0].reason.contains("null"));
    let headings: Vec<_> = found.wrong[1].1.iter().map(|fault| fault.heading.as_str()).collect();
    assert_eq!(headings, ["full_name", "phone"]);
}

#[test]
fn too_long_row_of_json_is_refused() {
    let text = format!(
        r#"[{{"full_name":"{}","registration_number":"1"}}]"#,
        "x".repeat(17 << 20)
    );
    assert!(fault(text, Table::Students).detail.contains("16 MiB"));
}

#[test]
fn raw_rows_are_those_of_the_file() {
    let text = "Reg No,Full Name\n'=1,\" A \"\nR-2\n";
    let file = file(text.as_bytes());
    let options = ReadOptions::default();
    let source = FileSource {
        path: file.path(),
        table: Table::Students,
        zone: Tz::UTC,
        options: &options,
    };
    let mut rows = Vec::new();
    read_raw(&source, &mut |row| row > 1, &mut |row, cells| {
        rows.push((row, cells.iter().map(|cell| (*cell).to_owned()).collect::<Vec<_>>()));
        Ok(())
    })
    .unwrap();
    assert_eq!(
        rows,
        [
            (2, vec!["'=1".to_owned(), " A ".to_owned()]),
            (3, vec!["R-2".to_owned(), String::new()])
        ]
    );
}

#[test]
fn error_of_the_sink_ends_reading() {
    struct Failing(u64);
    impl FileSink for Failing {
        fn begin(&mut self, _: &[FileColumn]) -> Result<()> {
            Ok(())
        }
        fn row(&mut self, _: u64, _: &[FileCell<'_>]) -> Result<()> {
            self.0 += 1;
            Err(crate::Error::internal("testing")("canceled"))
        }
        fn wrong(&mut self, _: u64, _: &[CellFault]) -> Result<()> {
            Ok(())
        }
    }
    for text in [
        "Full Name,Reg No\na,1\nb,2\n",
        r#"[{"full_name":"a","registration_number":"1"},{"full_name":"b","registration_number":"2"}]"#,
    ] {
        let file = file(text.as_bytes());
        let options = ReadOptions::default();
        let source = FileSource {
            path: file.path(),
            table: Table::Students,
            zone: Tz::UTC,
            options: &options,
        };
        let mut sink = Failing(0);
        assert!(matches!(read(&source, &mut sink), Err(ReadError::Service(_))));
        assert_eq!(sink.0, 1);
    }
}

#[test]
fn templates_are_read_without_their_example() {
    for table in Table::ALL.into_iter().filter(|table| *table != Table::Users) {
        for format in [TemplateFormat::Csv, TemplateFormat::Xlsx] {
            let bytes = template(table, format).unwrap();
            let refused = fault(&bytes, table);
            assert!(
                refused.detail.contains("no rows below"),
                "{table} {format:?}: {}",
                refused.detail
            );
        }
        // Filled in, every column of the template is a column of the table.
        let text = String::from_utf8(template(table, TemplateFormat::Csv).unwrap()).unwrap();
        let filled = text.replace("EXAMPLE", "SAMPLE");
        let (facts, found) = read_bytes(filled, table);
        assert_eq!((facts.rows, facts.wrong), (1, 0), "{table}: {:?}", found.wrong);
        assert!(facts.ignored.is_empty(), "{table}: {:?}", facts.ignored);
    }
    assert!(template(Table::Users, TemplateFormat::Csv).is_err());
}

proptest! {
    #[test]
    fn any_bytes_are_an_answer(bytes in prop::collection::vec(any::<u8>(), 0..300), text in "[\\{\\[\"a:,;\\n\\]\\}]{0,40}") {
        let _ = read_with(&bytes, Table::Students, &ReadOptions::default());
        let _ = read_with(text.as_bytes(), Table::Students, &ReadOptions::default());
        let headed = [b"Full Name,Registration Number,Date of Birth,Created At\n".as_slice(), &bytes].concat();
        let _ = read_with(&headed, Table::Students, &ReadOptions::default());
    }
}
