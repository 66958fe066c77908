//! The parts of a workbook and their elements (ECMA-376, part 1, chapter 18): only those that Excel, LibreOffice and
//! the usual libraries need.

use campus_backup_archive::digits::write_integer;

const DECLARATION: &str = "<?xml version=\"1.0\" encoding=\"UTF-8\" standalone=\"yes\"?>\n";
const MAIN: &str = "http://schemas.openxmlformats.org/spreadsheetml/2006/main";
const RELATIONSHIPS: &str = "http://schemas.openxmlformats.org/officeDocument/2006/relationships";
const PACKAGE: &str = "http://schemas.openxmlformats.org/package/2006";

/// The style of a cell. The numbers are positions in `cellXfs` of [`styles`].
#[derive(Clone, Copy)]
pub(super) enum Style {
    Plain = 0,
    Heading = 1,
    Money = 2,
    Date = 3,
    Timestamp = 4,
}

pub(super) const ROW_END: &[u8] = b"</row>";
pub(super) const SHEET_END: &[u8] = b"</sheetData></worksheet>";

/// The path of the sheet with this number, from 1.
pub(super) fn sheet_path(number: u64) -> String {
    format!("xl/worksheets/sheet{number}.xml")
}

/// Every part except the sheets.
pub(super) fn frame(name: &str, sheets: u64) -> [(String, String); 5] {
    let (mut types, mut listed, mut related) = (String::new(), String::new(), String::new());
    for number in 1..=sheets {
        let named = match number {
            1 => name.to_owned(),
            _ => format!("{name} {number}"),
        };
        let path = sheet_path(number);
        types += &format!(
            "<Override PartName=\"/{path}\" \
             ContentType=\"application/vnd.openxmlformats-officedocument.spreadsheetml.worksheet+xml\"/>"
        );
        listed += &format!("<sheet name=\"{named}\" sheetId=\"{number}\" r:id=\"rId{number}\"/>");
        let target = path.trim_start_matches("xl/");
        related +=
            &format!("<Relationship Id=\"rId{number}\" Type=\"{RELATIONSHIPS}/worksheet\" Target=\"{target}\"/>");
    }
    let content_types = format!(
        "{DECLARATION}<Types xmlns=\"{PACKAGE}/content-types\">\
         <Default Extension=\"rels\" ContentType=\"application/vnd.openxmlformats-package.relationships+xml\"/>\
         <Default Extension=\"xml\" ContentType=\"application/xml\"/>\
         <Override PartName=\"/xl/workbook.xml\" \
         ContentType=\"application/vnd.openxmlformats-officedocument.spreadsheetml.sheet.main+xml\"/>\
         <Override PartName=\"/xl/styles.xml\" \
         ContentType=\"application/vnd.openxmlformats-officedocument.spreadsheetml.styles+xml\"/>{types}</Types>"
    );
    let root = format!(
        "{DECLARATION}<Relationships xmlns=\"{PACKAGE}/relationships\">\
         <Relationship Id=\"rId1\" Type=\"{RELATIONSHIPS}/officeDocument\" Target=\"xl/workbook.xml\"/></Relationships>"
    );
    let workbook = format!(
        "{DECLARATION}<workbook xmlns=\"{MAIN}\" xmlns:r=\"{RELATIONSHIPS}\">\
         <bookViews><workbookView/></bookViews><sheets>{listed}</sheets></workbook>"
    );
    let styles_id = sheets + 1;
    let relationships = format!(
        "{DECLARATION}<Relationships xmlns=\"{PACKAGE}/relationships\">{related}\
         <Relationship Id=\"rId{styles_id}\" Type=\"{RELATIONSHIPS}/styles\" Target=\"styles.xml\"/></Relationships>"
    );
    [
        ("[Content_Types].xml".to_owned(), content_types),
        ("_rels/.rels".to_owned(), root),
        ("xl/workbook.xml".to_owned(), workbook),
        ("xl/_rels/workbook.xml.rels".to_owned(), relationships),
        ("xl/styles.xml".to_owned(), styles()),
    ]
}

fn styles() -> String {
    let formats = [(0, 0), (0, 1), (2, 0), (164, 0), (165, 0)].map(|(number_format, font)| {
        format!(
            "<xf numFmtId=\"{number_format}\" fontId=\"{font}\" fillId=\"0\" borderId=\"0\" xfId=\"0\" \
             applyNumberFormat=\"1\" applyFont=\"1\"/>"
        )
    });
    format!(
        "{DECLARATION}<styleSheet xmlns=\"{MAIN}\">\
         <numFmts count=\"2\"><numFmt numFmtId=\"164\" formatCode=\"dd\\-mm\\-yyyy\"/>\
         <numFmt numFmtId=\"165\" formatCode=\"dd\\-mm\\-yyyy\\ hh:mm:ss\"/></numFmts>\
         <fonts count=\"2\"><font><sz val=\"11\"/><name val=\"Calibri\"/></font>\
         <font><b/><sz val=\"11\"/><name val=\"Calibri\"/></font></fonts>\
         <fills count=\"2\"><fill><patternFill patternType=\"none\"/></fill>\
         <fill><patternFill patternType=\"gray125\"/></fill></fills>\
         <borders count=\"1\"><border><left/><right/><top/><bottom/><diagonal/></border></borders>\
         <cellStyleXfs count=\"1\"><xf numFmtId=\"0\" fontId=\"0\" fillId=\"0\" borderId=\"0\"/></cellStyleXfs>\
         <cellXfs count=\"{}\">{}</cellXfs>\
         <cellStyles count=\"1\"><cellStyle name=\"Normal\" xfId=\"0\" builtinId=\"0\"/></cellStyles></styleSheet>",
        formats.len(),
        formats.concat()
    )
}

/// The beginning of a sheet whose first row stays visible.
pub(super) fn begin_sheet(widths: impl Iterator<Item = u8>, out: &mut Vec<u8>) {
    let columns: String = (1..)
        .zip(widths)
        .map(|(column, width)| format!("<col min=\"{column}\" max=\"{column}\" width=\"{width}\" customWidth=\"1\"/>"))
        .collect();
    let begin = format!(
        "{DECLARATION}<worksheet xmlns=\"{MAIN}\"><sheetViews><sheetView workbookViewId=\"0\">\
         <pane ySplit=\"1\" topLeftCell=\"A2\" activePane=\"bottomLeft\" state=\"frozen\"/></sheetView></sheetViews>\
         <cols>{columns}</cols><sheetData>"
    );
    out.extend_from_slice(begin.as_bytes());
}

pub(super) fn begin_row(row: u64, out: &mut Vec<u8>) {
    out.extend_from_slice(b"<row r=\"");
    write_integer(row.cast_signed(), out);
    out.extend_from_slice(b"\">");
}

/// A cell that contains its text (`inlineStr`). A table of all texts would have to be kept in memory until the end.
pub(super) fn text_cell(row: u64, column: usize, style: Style, text: &str, out: &mut Vec<u8>) {
    begin_cell(row, column, style, out);
    // Otherwise readers may drop white space at either end.
    out.extend_from_slice(if text.trim() == text {
        &b" t=\"inlineStr\"><is><t>"[..]
    } else {
        b" t=\"inlineStr\"><is><t xml:space=\"preserve\">"
    });
    escape(text, out);
    out.extend_from_slice(b"</t></is></c>");
}

pub(super) fn number_cell(row: u64, column: usize, style: Style, out: &mut Vec<u8>, write: impl FnOnce(&mut Vec<u8>)) {
    begin_cell(row, column, style, out);
    out.extend_from_slice(b"><v>");
    write(out);
    out.extend_from_slice(b"</v></c>");
}

pub(super) fn boolean_cell(row: u64, column: usize, value: bool, out: &mut Vec<u8>) {
    begin_cell(row, column, Style::Plain, out);
    out.extend_from_slice(b" t=\"b\"><v>");
    out.push(if value { b'1' } else { b'0' });
    out.extend_from_slice(b"</v></c>");
}

/// Leaves the element's tag open for its type. No table has more than 26 columns, so one letter names each column.
fn begin_cell(row: u64, column: usize, style: Style, out: &mut Vec<u8>) {
    out.extend_from_slice(b"<c r=\"");
    out.push(b'A' + (column % 26) as u8);
    write_integer(row.cast_signed(), out);
    out.push(b'"');
    if !matches!(style, Style::Plain) {
        out.extend_from_slice(b" s=\"");
        out.push(b'0' + style as u8);
        out.push(b'"');
    }
}

/// Characters that XML can't contain are written as `_xHHHH_` (ECMA-376, part 1, section 22.9.2.19), and so is the
/// underscore of a text that looks like such an escape. A line break is LF, as in Excel: XML would change CR, and some
/// readers do not decode its escape.
fn escape(text: &str, out: &mut Vec<u8>) {
    let plain =
        |byte: &u8| !matches!(byte, b'&' | b'<' | b'>' | b'_' | b'\r' | 0xef | 0..=0x08 | 0x0b | 0x0c | 0x0e..=0x1f);
    if text.as_bytes().iter().all(plain) {
        out.extend_from_slice(text.as_bytes());
        return;
    }
    for (position, character) in text.char_indices() {
        match character {
            '&' => out.extend_from_slice(b"&amp;"),
            '<' => out.extend_from_slice(b"&lt;"),
            '>' => out.extend_from_slice(b"&gt;"),
            '_' if looks_escaped(&text[position..]) => out.extend_from_slice(b"_x005F_"),
            '\r' if text[position..].starts_with("\r\n") => {}
            '\r' => out.push(b'\n'),
            '\t' | '\n' => out.push(character as u8),
            '\0'..='\u{1f}' | '\u{fffe}' | '\u{ffff}' => {
                out.extend_from_slice(format!("_x{:04X}_", u32::from(character)).as_bytes());
            }
            _ => out.extend_from_slice(character.encode_utf8(&mut [0; 4]).as_bytes()),
        }
    }
}

/// Whether a reader would take the beginning of a text for an escape. Its end may be the beginning of the next
/// character's escape.
fn looks_escaped(text: &str) -> bool {
    let mut characters = text.chars();
    let mut next = || characters.next().unwrap_or(' ');
    next() == '_'
        && next() == 'x'
        && (0..4).all(|_| next().is_ascii_hexdigit())
        && matches!(next(), '_' | '\0'..='\u{8}' | '\u{b}' | '\u{c}' | '\u{e}'..='\u{1f}' | '\u{fffe}' | '\u{ffff}')
}

#[cfg(test)]
mod tests {
    use super::*;

    fn escaped(text: &str) -> String {
        let mut out = Vec::new();
        escape(text, &mut out);
        String::from_utf8(out).unwrap()
    }

    /// Decodes like a reader: from the left, each escape is one character.
    fn unescaped(mut text: &str) -> String {
        let mut out = String::new();
        while let Some(first) = text.chars().next() {
            let escape = text
                .get(..7)
                .and_then(|escape| escape.strip_prefix("_x")?.strip_suffix('_'));
            let code = escape.filter(|digits| digits.bytes().all(|digit| digit.is_ascii_hexdigit()));
            match code.and_then(|digits| char::from_u32(u32::from_str_radix(digits, 16).ok()?)) {
                Some(character) => {
                    out.push(character);
                    text = &text[7..];
                }
                None => {
                    out.push(first);
                    text = &text[first.len_utf8()..];
                }
            }
        }
        out.replace("&lt;", "<").replace("&gt;", ">").replace("&amp;", "&")
    }

    proptest::proptest! {
        #[test]
        fn escaping_can_be_undone(text in "(_|x|_x0041|0|4|\r|\n|\t|a|&|<|\u{1}|\u{ffff}|ö){0,9}") {
            let lines = text.replace("\r\n", "\n").replace('\r', "\n");
            proptest::prop_assert_eq!(unescaped(&escaped(&text)), lines);
        }
    }

    #[test]
    fn only_characters_that_xml_can_not_hold_are_escaped() {
        assert_eq!(
            escaped("O'Brien & <Sons> \"x\" 😀 שלום"),
            "O'Brien &amp; &lt;Sons&gt; \"x\" 😀 שלום"
        );
        assert_eq!(escaped("a\tb\nc\r\nd\r\r\n"), "a\tb\nc\nd\n\n");
        assert_eq!(escaped("\u{1}\u{1f}\u{ffff}ﬀ"), "_x0001__x001F__xFFFF_ﬀ");
        assert_eq!(escaped("_x000D_ snake_case _xyz1_"), "_x005F_x000D_ snake_case _xyz1_");
    }
}
