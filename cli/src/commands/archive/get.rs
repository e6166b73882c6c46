//! `mds archive get`: one object of a block.

use std::fs::{self, File};
use std::io::{self, BufWriter, Read, Write, stdout};
use std::path::Path;
use std::process::ExitCode;

use anyhow::Context as _;
use pipeline::{ErrorName, PipelineError};
use tempfile::NamedTempFile;
use tokio::task::spawn_blocking;
use trips::block::{Block, BlockObject};

use super::form::{Shape, write_as};
use super::{Archive, provider};
use crate::args::{ArchiveGetArgs, Format};
use crate::failure::{not_written, usage};
use crate::output;

pub(super) async fn get(
    archive: &Archive,
    args: &ArchiveGetArgs,
    json: bool,
) -> anyhow::Result<ExitCode> {
    let end = archive.zone.parse_time(&args.time_max);
    let block = Block {
        provider: provider(&args.provider)?,
        hour: end.map_err(PipelineError::from)?.previous(),
    };
    let object = &args.object.0;
    let shape = Shape::of(object).ok_or_else(|| {
        usage(format!(
            "an hour has no object `{object}`; it has trips, refused, extract, rejects, publish, telemetry, and \
             the former archives that `mds archive list` names"
        ))
    })?;
    let format = args.format.unwrap_or(if json || shape == Shape::Document {
        Format::Json
    } else {
        Format::Jsonl
    });
    if format == Format::Geojson && !shape.has_routes() {
        return Err(usage(format!(
            "{object} has no routes, so there is no GeoJSON of it; trips, refused and rejects have"
        )));
    }
    let key = format!("{}{object}", archive.folder(&block));
    let content = match open(archive, &block, &key, object).await {
        Err(error) if error.name == ErrorName::ArchiveMissing => {
            return Err(usage(missing(archive, &block, object, &key).await?));
        }
        opened => opened.with_context(|| name(archive, &block))?,
    };
    let file = args.file.clone();
    let written = spawn_blocking(move || write(content, shape, format, &file)).await?;
    written.with_context(|| format!("{}, {key}", name(archive, &block)))?;
    Ok(ExitCode::SUCCESS)
}

type Content = Box<dyn Read + Send>;

/// Opens an object if the steps would accept it.
async fn open(
    archive: &Archive,
    block: &Block,
    key: &str,
    object: &str,
) -> Result<Content, PipelineError> {
    if object == BlockObject::Trips.as_str() {
        return pipeline::open_archive(&archive.vault, key, block.hour).await;
    }
    Ok(Box::new(archive.vault.open_sealed(key).await?))
}

fn name(archive: &Archive, block: &Block) -> String {
    format!("{} {}", block.provider, block.hour.label(&archive.zone))
}

/// What to do about an object that is not there.
///
/// # Errors
///
/// The bucket does not say whether it has the hour's archive.
async fn missing(
    archive: &Archive,
    block: &Block,
    object: &str,
    key: &str,
) -> Result<String, PipelineError> {
    let name = name(archive, block);
    let options = format!(
        "--provider {} --time-max {}",
        block.provider,
        block.hour.label(&archive.zone)
    );
    let trips = format!("{}{}", archive.folder(block), BlockObject::Trips.as_str());
    if !archive.vault.exists(&trips).await? {
        let command = format!("mds extract {options}");
        let advice = archive.advice(&block.provider, &command).await;
        return Ok(format!(
            "{name} is not archived (there is no {trips}); {advice}"
        ));
    }
    let way = match BlockObject::ALL
        .into_iter()
        .find(|it| it.as_str() == object)
    {
        Some(BlockObject::Rejects | BlockObject::Publish) => {
            format!("loading the hour writes it; run `mds sync-db {options}`")
        }
        Some(BlockObject::Refused) => "no response for the hour was refused".to_owned(),
        Some(BlockObject::Telemetry) => {
            "only MDS 2.0 has it, for providers whose `telemetry` is on".to_owned()
        }
        Some(BlockObject::Extract) => "the archive comes from an older tool".to_owned(),
        Some(BlockObject::Trips) | None => {
            format!("`mds archive list {options}` names what there is")
        }
    };
    Ok(format!("{name} has no {object} (there is no {key}): {way}"))
}

/// Writes to standard output, where a reader may end early, or to a file that appears whole.
fn write(content: Content, shape: Shape, format: Format, file: &Path) -> anyhow::Result<()> {
    if file == Path::new(output::STANDARD) {
        let out = BufWriter::new(stdout().lock());
        return match write_as(content, shape, format, Lines::new(out)) {
            Err(error) if is_closed(&error) => Ok(()),
            written => written,
        };
    }
    let cannot = |error: io::Error| not_written(file, &error);
    if fs::metadata(file).is_ok_and(|existing| !existing.is_file()) {
        let out = File::create(file).map_err(cannot)?;
        return write_as(content, shape, format, BufWriter::new(out));
    }
    let folder = file
        .parent()
        .filter(|folder| !folder.as_os_str().is_empty());
    // Its error would name the temporary file.
    let temporary = NamedTempFile::new_in(folder.unwrap_or(Path::new(".")));
    let temporary = temporary.map_err(|error| cannot(error.kind().into()))?;
    let out = BufWriter::new(temporary.reopen().map_err(cannot)?);
    write_as(content, shape, format, out)?;
    temporary.persist(file).map_err(|it| cannot(it.error))?;
    Ok(())
}

fn is_closed(error: &anyhow::Error) -> bool {
    error.chain().any(|cause| {
        cause
            .downcast_ref::<io::Error>()
            .is_some_and(|error| error.kind() == io::ErrorKind::BrokenPipe)
    })
}

/// Adds a line end to what has none, for the terminal.
struct Lines<W> {
    out: W,
    last: u8,
}

impl<W> Lines<W> {
    fn new(out: W) -> Self {
        Self { out, last: b'\n' }
    }
}

impl<W: Write> Write for Lines<W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let written = self.out.write(bytes)?;
        self.last = bytes[..written].last().copied().unwrap_or(self.last);
        Ok(written)
    }

    /// Called once, at the end.
    fn flush(&mut self) -> io::Result<()> {
        if self.last != b'\n' {
            self.write_all(b"\n")?;
        }
        self.out.flush()
    }
}
