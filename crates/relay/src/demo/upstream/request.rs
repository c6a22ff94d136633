//! What a dial asks for: [`Request`] and [`Options`].

/// The messages of a feed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Options {
    /// Messages a second. 0: the feed is silent.
    pub rate: u32,
    /// The least size of a message in bytes.
    pub size: usize,
    /// The size of each hundredth message in bytes, if this is more.
    pub big: usize,
}

impl Default for Options {
    /// Ten messages a second, none longer than its number needs.
    fn default() -> Self {
        Self { rate: 10, size: 0, big: 0 }
    }
}

/// What a dial asks for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Request {
    pub(super) feed: String,
    pub(super) options: Options,
    pub(super) begin: Begin,
}

/// The first message that a connection gets.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Begin {
    /// The next message that is made.
    New,
    /// What follows this number.
    After(u64),
    /// The client's first message decides.
    Asked,
}

impl Request {
    /// `None` for a path or a query that no feed has.
    pub(super) fn parse(path: &str, query: Option<&str>) -> Option<Self> {
        let (mut begin, feed) = match path.strip_prefix("/feed/") {
            Some(feed) => (Begin::New, feed),
            None => (Begin::Asked, path.strip_prefix("/resume/")?),
        };
        let mut options = Options::default();
        for pair in query.unwrap_or_default().split('&').filter(|pair| !pair.is_empty()) {
            let (key, value) = pair.split_once('=')?;
            match key {
                "rate" => options.rate = value.parse().ok()?,
                "size" => options.size = value.parse().ok()?,
                "big" => options.big = value.parse().ok()?,
                "from" if begin != Begin::New => begin = Begin::After(value.parse().ok()?),
                _ => return None,
            }
        }
        let is_name = !feed.is_empty() && !feed.contains(['/', '"', '\\']);
        is_name.then(|| Self { feed: feed.to_owned(), options, begin })
    }
}
