//! Standard input on a terminal, with the editor: complete lines from keys.

use super::{
    editor::{Edit, Editor},
    keys::Keys,
};
use crate::connect::output::{Prompt, Screen};

pub(crate) struct Keyboard {
    screen: Screen,
    keys: Keys,
    editor: Editor,
    ended: bool,
}

impl Keyboard {
    /// A line may have at most `limit` bytes.
    pub(crate) fn new(screen: Screen, limit: usize) -> Self {
        screen.show_prompt(Some(Prompt::default()));
        Self { screen, keys: Keys::default(), editor: Editor::new(limit), ended: false }
    }

    /// Takes bytes of the terminal, and calls `each` with every complete line and its line end.
    /// Nothing is taken after the end of input.
    pub(crate) fn feed(&mut self, bytes: &[u8], mut each: impl FnMut(&[u8])) {
        let Self { screen, keys, editor, ended } = self;
        keys.feed(bytes, |key| {
            if *ended {
                return;
            }
            match editor.key(key) {
                Edit::Show => {}
                Edit::Line(line) => {
                    screen.commit(&line);
                    each(line.as_bytes());
                    each(b"\n");
                }
                Edit::End => *ended = true,
                Edit::ClearScreen => screen.wipe(),
            }
        });
        let prompt = (!*ended).then(|| {
            let (before, after) = editor.parts();
            Prompt { before: before.to_owned(), after: after.to_owned() }
        });
        screen.show_prompt(prompt);
    }

    /// Whether ctrl-D ended the input.
    pub(crate) fn has_ended(&self) -> bool {
        self.ended
    }
}
