//! XML as far as statements need it: elements by their path, with text, and limits on everything.

use std::io::{self, BufRead, BufReader, Read};

use memchr::memchr_iter;
use quick_xml::Reader;
use quick_xml::errors::Error;
use quick_xml::events::{BytesStart, Event};

use crate::encoding::Encoding;
use crate::money::shown;
use crate::read::StatementError;
use crate::rows::ROW_BYTES_MAX;
use crate::text::{Opened, Text, invalid_text};

const EXPECTED: &str = "a bank statement of ISO 20022 (camt.053)";

const NAMESPACE: &str = "urn:iso:std:iso:20022:tech:xsd:camt.053.001.";

const DEPTH_MAX: usize = 64;

/// The most of an element's text that is kept; no reference of the standard has a tenth of it.
const TEXT_BYTES_MAX: usize = 4 * 1024;

/// Elements that mean something to a statement, by their local names.
macro_rules! names {
    ($($name:ident)*) => {
        /// An element's name.
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        #[allow(clippy::upper_case_acronyms, reason = "the standard's spelling")]
        pub(super) enum Name { $($name,)* Other }

        impl Name {
            fn of(local: &str) -> Self {
                match local { $(stringify!($name) => Self::$name,)* _ => Self::Other }
            }

            pub(super) const fn text(self) -> &'static str {
                match self { $(Self::$name => stringify!($name),)* Self::Other => "" }
            }
        }
    };
}

names! {
    Document BkToCstmrStmt GrpHdr MsgPgntn StmtPgntn LastPgInd Stmt Ntry Amt CdtDbtInd RvslInd Sts Cd
    Prtry BookgDt ValDt Dt DtTm AcctSvcrRef BkTxCd Domn Fmly SubFmlyCd NtryDtls Btch NbOfTxs TxDtls Refs
    MsgId PmtInfId InstrId EndToEndId UETR TxId MndtId ChqNb ClrSysRef AcctOwnrTxId AcctSvcrTxId
    MktInfrstrctrTxId PrcgId AmtDtls TxAmt RmtInf Ustrd Strd CdtrRefInf Ref RtrInf
}

/// What comes next.
pub(super) enum Step<'x> {
    /// An element begins; an amount has a currency.
    Open {
        path: &'x [Name],
        line: u64,
        currency: Option<String>,
    },
    /// It ends; this is its own text, without blanks around it.
    Close {
        path: &'x [Name],
        text: &'x str,
    },
    End,
    /// Nothing behind this place can be read.
    Broken {
        line: u64,
        reason: String,
    },
}

pub(super) struct Xml<R> {
    reader: Reader<Limited<BufReader<Text<R>>>>,
    encoding: Encoding,
    buffer: Vec<u8>,
    path: Vec<Name>,
    /// Whether the element that closed last is still on the path.
    closes: bool,
    text: String,
    /// An element without content closes in the step after it opened.
    is_empty_element: bool,
    began: bool,
}

impl<R: Read> Xml<R> {
    pub(super) fn open(
        opened: Opened<R>,
        declared: Option<Encoding>,
    ) -> Result<Self, StatementError> {
        let encoding = encoding(&opened, declared)?;
        let first = opened
            .head()
            .iter()
            .find(|byte| !byte.is_ascii_whitespace() && **byte != 0);
        if first != Some(&b'<') {
            return Err(wrong_format("it is no XML".into()));
        }
        let input = Limited {
            inner: BufReader::new(opened.decode(encoding)),
            left: ROW_BYTES_MAX,
            line: 1,
        };
        Ok(Self {
            reader: Reader::from_reader(input),
            encoding,
            buffer: Vec::new(),
            path: Vec::new(),
            closes: false,
            text: String::new(),
            is_empty_element: false,
            began: false,
        })
    }

    /// The line that was read last.
    pub(super) fn line(&mut self) -> u64 {
        self.reader.get_mut().line
    }

    pub(super) fn next(&mut self) -> Result<Step<'_>, StatementError> {
        if std::mem::take(&mut self.closes) {
            self.path.pop();
            self.text.clear();
        }
        if std::mem::take(&mut self.is_empty_element) {
            self.closes = true;
            return Ok(Step::Close {
                path: &self.path,
                text: "",
            });
        }
        loop {
            let input = self.reader.get_mut();
            input.left = ROW_BYTES_MAX;
            self.buffer.clear();
            let event = match self.reader.read_event_into(&mut self.buffer) {
                Ok(event) => event,
                Err(error) => return self.broken(&error),
            };
            match event {
                Event::Start(element) | Event::Empty(element) if self.path.len() >= DEPTH_MAX => {
                    let reason = format!(
                        "`{}` lies deeper than {DEPTH_MAX} levels; nothing behind it can be read",
                        shown(element.local_name().as_ref())
                    );
                    let line = self.line();
                    return Ok(Step::Broken { line, reason });
                }
                Event::Start(element) => {
                    let currency = open(&mut self.path, &mut self.began, &element)?;
                    self.text.clear();
                    let line = self.line();
                    return Ok(Step::Open {
                        path: &self.path,
                        line,
                        currency,
                    });
                }
                Event::Empty(element) => {
                    let currency = open(&mut self.path, &mut self.began, &element)?;
                    self.text.clear();
                    let line = self.line();
                    self.is_empty_element = true;
                    return Ok(Step::Open {
                        path: &self.path,
                        line,
                        currency,
                    });
                }
                Event::End(_) => {
                    self.closes = true;
                    return Ok(Step::Close {
                        path: &self.path,
                        text: self.text.trim(),
                    });
                }
                Event::Text(text) => keep(&mut self.text, &text),
                Event::CData(text) => keep(&mut self.text, &text),
                Event::GeneralRef(reference) => {
                    let Some(character) = character(&reference) else {
                        let name = shown(&reference);
                        return Err(StatementError::Entity {
                            line: self.line(),
                            name,
                        });
                    };
                    keep(&mut self.text, character.encode_utf8(&mut [0; 4]));
                }
                Event::DocType(_) => return Err(StatementError::Dtd { line: self.line() }),
                Event::Eof if self.path.is_empty() && self.began => return Ok(Step::End),
                Event::Eof => {
                    return self.cut_off();
                }
                Event::Comment(_) | Event::Decl(_) | Event::PI(_) => {}
            }
        }
    }

    fn cut_off(&mut self) -> Result<Step<'_>, StatementError> {
        if !self.began {
            return Err(wrong_format("it has no element".into()));
        }
        let reason = "the file ends in the middle; what may follow is missing".into();
        Ok(Step::Broken {
            line: self.line(),
            reason,
        })
    }

    fn broken(&mut self, error: &Error) -> Result<Step<'_>, StatementError> {
        let reason = match error {
            Error::Io(error) if error.kind() == io::ErrorKind::FileTooLarge => {
                "a tag or text has more than 1 MiB; nothing behind it can be read".into()
            }
            Error::Io(error) => {
                return Err(StatementError::Io(io::Error::new(
                    error.kind(),
                    error.to_string(),
                )));
            }
            Error::Encoding(_) => {
                format!(
                    "the line {}; nothing behind it can be read",
                    invalid_text(self.encoding)
                )
            }
            _ if self.reader.get_mut().is_at_end() => {
                "the file ends in the middle; what may follow is missing".into()
            }
            error => format!("the XML breaks here, and nothing behind it can be read: {error}"),
        };
        if self.began {
            return Ok(Step::Broken {
                line: self.line(),
                reason,
            });
        }
        Err(wrong_format(format!("line {}: {reason}", self.line())))
    }
}

fn wrong_format(seen: String) -> StatementError {
    StatementError::WrongFormat {
        expected: EXPECTED,
        seen,
    }
}

/// Which encoding a file is in: what was declared by option, by a mark, or by the file itself.
fn encoding<R: Read>(
    opened: &Opened<R>,
    declared: Option<Encoding>,
) -> Result<Encoding, StatementError> {
    if declared.is_some() || opened.encoding() != Encoding::Utf8 {
        return Ok(opened.encoding());
    }
    let head = opened.head();
    let end = head.windows(2).position(|pair| pair == b"?>").unwrap_or(0);
    let declaration = String::from_utf8_lossy(head.get(..end).unwrap_or_default());
    let Some((_, after)) = declaration.split_once("encoding") else {
        return Ok(Encoding::Utf8);
    };
    let after = after
        .trim_start()
        .strip_prefix('=')
        .unwrap_or_default()
        .trim_start();
    let label = match (after.strip_prefix('"'), after.strip_prefix('\'')) {
        (Some(rest), _) => rest.split('"').next(),
        (_, Some(rest)) => rest.split('\'').next(),
        _ => None,
    };
    let label = label.unwrap_or_default();
    match Encoding::of_label(label) {
        // Bytes of zero would have shown UTF-16.
        Some(encoding) if encoding.is_wide() => Ok(Encoding::Utf8),
        Some(encoding) => Ok(encoding),
        None => Err(wrong_format(format!(
            "it declares the encoding `{}`, which is not read; convert it to UTF-8",
            shown(label)
        ))),
    }
}

/// Puts an element on the path, and takes what is needed of its attributes.
fn open(
    path: &mut Vec<Name>,
    began: &mut bool,
    element: &BytesStart<'_>,
) -> Result<Option<String>, StatementError> {
    let local = element.local_name();
    let name = Name::of(local.as_ref());
    match path.len() {
        0 => check_root(element)?,
        1 if *path == [Name::Document] && !*began => {
            if name != Name::BkToCstmrStmt {
                return Err(wrong_format(format!(
                    "its document is a `{}`",
                    shown(local.as_ref())
                )));
            }
            *began = true;
        }
        _ => {}
    }
    path.push(name);
    if name != Name::Amt {
        return Ok(None);
    }
    let currency = element.try_get_attribute("Ccy").ok().flatten();
    Ok(currency.map(|attribute| attribute.value.as_ref().to_owned()))
}

/// The root says by its namespace which message it is.
fn check_root(element: &BytesStart<'_>) -> Result<(), StatementError> {
    let qualified = element.name();
    let qualified: &str = qualified.as_ref();
    let (declaration, local) = match qualified.split_once(':') {
        Some((prefix, local)) => (format!("xmlns:{prefix}"), local),
        None => ("xmlns".to_owned(), qualified),
    };
    if local != "Document" {
        return Err(wrong_format(format!(
            "its root element is `{}`, not `Document`",
            shown(local)
        )));
    }
    let attribute = element
        .try_get_attribute(declaration.as_str())
        .ok()
        .flatten();
    let namespace = attribute
        .map(|attribute| attribute.value.as_ref().to_owned())
        .unwrap_or_default();
    let version = namespace.strip_prefix(NAMESPACE);
    let is_known = version.is_some_and(|version| {
        version.len() == 2 && version.parse::<u8>().is_ok_and(|version| version >= 2)
    });
    if is_known {
        return Ok(());
    }
    let hint = if namespace.contains(":camt.052.") {
        ", the report of the day so far: take the statement of the day, camt.053"
    } else if namespace.contains(":camt.054.") {
        ", a notification of single bookings: take the statement of the day, camt.053"
    } else {
        ""
    };
    Err(wrong_format(format!(
        "its namespace is `{}`{hint}",
        namespace.chars().take(80).collect::<String>()
    )))
}

/// Keeps text up to the limit. What is longer ends with an ellipsis, so that it is no amount, date or
/// code, and as a reference visibly not the whole.
fn keep(text: &mut String, piece: &str) {
    if text.len() >= TEXT_BYTES_MAX {
        return;
    }
    let room = TEXT_BYTES_MAX.saturating_sub(text.len());
    if piece.len() < room {
        text.push_str(piece);
        return;
    }
    text.extend(
        piece
            .char_indices()
            .take_while(|(at, _)| *at < room)
            .map(|(_, kept)| kept),
    );
    text.push('…');
}

/// What a reference stands for, if it's a character or one of the five entities of XML itself.
fn character(reference: &quick_xml::events::BytesRef<'_>) -> Option<char> {
    if reference.is_char_ref() {
        return reference.resolve_char_ref().ok().flatten();
    }
    let name: &str = reference;
    match name {
        "amp" => Some('&'),
        "lt" => Some('<'),
        "gt" => Some('>'),
        "quot" => Some('"'),
        "apos" => Some('\''),
        _ => None,
    }
}

/// A stream that counts lines, and ends with an error where one piece of XML is too long.
struct Limited<R> {
    inner: R,
    left: usize,
    line: u64,
}

impl<R: BufRead> Limited<R> {
    fn is_at_end(&mut self) -> bool {
        self.inner.fill_buf().is_ok_and(<[u8]>::is_empty)
    }
}

impl<R: BufRead> Read for Limited<R> {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        let bytes = self.fill_buf()?;
        let count = bytes.len().min(out.len());
        if let (Some(out), Some(bytes)) = (out.get_mut(..count), bytes.get(..count)) {
            out.copy_from_slice(bytes);
        }
        self.consume(count);
        Ok(count)
    }
}

impl<R: BufRead> BufRead for Limited<R> {
    fn fill_buf(&mut self) -> io::Result<&[u8]> {
        if self.left == 0 {
            return Err(io::Error::new(
                io::ErrorKind::FileTooLarge,
                "a piece of XML is too long",
            ));
        }
        self.inner.fill_buf()
    }

    fn consume(&mut self, count: usize) {
        if let Ok(bytes) = self.inner.fill_buf() {
            let consumed = bytes.get(..count.min(bytes.len())).unwrap_or_default();
            let lines = memchr_iter(b'\n', consumed).count();
            self.line = self.line.saturating_add(lines as u64);
        }
        self.left = self.left.saturating_sub(count);
        self.inner.consume(count);
    }
}
