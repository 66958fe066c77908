//! Schemas that several operations share and that have no Rust type.

use utoipa::openapi::RefOr;
use utoipa::openapi::schema::{KnownFormat, ObjectBuilder, Schema, SchemaFormat, Type};
use utoipa::{PartialSchema, ToSchema};

/// The media type of Excel workbooks.
const XLSX: &str = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet";

/// The bytes of a file.
pub struct Binary;

/// The bytes of an Excel workbook.
pub struct Workbook;

impl PartialSchema for Binary {
    fn schema() -> RefOr<Schema> {
        binary("application/octet-stream")
    }
}

impl ToSchema for Binary {}

impl PartialSchema for Workbook {
    fn schema() -> RefOr<Schema> {
        binary(XLSX)
    }
}

impl ToSchema for Workbook {}

/// In OpenAPI 3.1 the media type is enough; generators of clients still need the format of 3.0.
fn binary(media_type: &str) -> RefOr<Schema> {
    ObjectBuilder::new()
        .schema_type(Type::String)
        .format(Some(SchemaFormat::KnownFormat(KnownFormat::Binary)))
        .content_media_type(media_type)
        .into()
}
