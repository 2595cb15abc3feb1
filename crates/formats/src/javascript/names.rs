//! Which names a script declares, and where they hold.

use std::collections::HashMap;

/// Functions around a function. Those in deeper ones count as parts of the last: looking a name up goes through all.
const MAX_DEPTH: u32 = 32;

/// The names that are declared in each function, numbered in the order of their declarations.
#[derive(Debug)]
pub(super) struct Names {
    numbers: HashMap<(u32, Vec<u8>), u32>,
    next: u32,
    functions: Vec<Function>,
    current: u32,
    expects: Expects,
    /// In a `var` statement, whose commas are followed by names outside of brackets and braces.
    declares: bool,
    brackets: u32,
    braces: u32,
}

/// A function, or the script, which is its own parent.
#[derive(Clone, Copy, Debug)]
struct Function {
    parent: u32,
    depth: u32,
    /// Braces that are open in it; it ends when its last one closes.
    braces: u32,
}

/// What a word would be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Expects {
    Nothing,
    /// Behind `var` or its comma.
    Variable,
    /// Behind `function`.
    FunctionName,
    /// Behind that, before the parenthesis.
    Parenthesis,
    /// In the parentheses; whether a word is a parameter.
    Parameters(bool),
}

impl Default for Names {
    fn default() -> Self {
        Self {
            numbers: HashMap::new(),
            next: 0,
            functions: vec![Function { parent: 0, depth: 0, braces: 0 }],
            current: 0,
            expects: Expects::Nothing,
            declares: false,
            brackets: 0,
            braces: 0,
        }
    }
}

impl Names {
    /// The number of a name that is used in a function.
    pub(super) fn number(&self, name: &[u8], function: u32) -> Option<u32> {
        let mut function = function;
        let name = name.to_owned();
        let mut key = (function, name);
        loop {
            if let Some(number) = self.numbers.get(&key) {
                return Some(*number);
            }
            let parent = self.functions.get(function as usize)?.parent;
            if parent == function {
                return None;
            }
            function = parent;
            key.0 = function;
        }
    }

    /// A word of the language comes next.
    pub(super) fn keyword(&mut self, word: &[u8]) {
        match word {
            b"var" => {
                self.expects = Expects::Variable;
                self.declares = true;
                self.brackets = 0;
            }
            b"function" => {
                self.begin_function();
                self.expects = Expects::FunctionName;
            }
            _ => {}
        }
    }

    /// Goes on in a function that was left.
    pub(super) fn go_to(&mut self, function: u32) {
        self.expects = Expects::Nothing;
        self.current = function;
    }

    /// The function that is open.
    pub(super) fn current(&self) -> u32 {
        self.current
    }

    /// Another word comes next; the function that it stands in.
    pub(super) fn word(&mut self, word: &[u8]) -> u32 {
        match self.expects {
            Expects::Variable => {
                self.declare(word);
                self.expects = Expects::Nothing;
            }
            Expects::FunctionName => {
                self.declare(word);
                self.expects = Expects::Parenthesis;
            }
            Expects::Parameters(true) => {
                self.declare(word);
                self.expects = Expects::Parameters(false);
            }
            Expects::Nothing | Expects::Parenthesis | Expects::Parameters(false) => {}
        }
        self.current
    }

    /// A sign comes next.
    pub(super) fn sign(&mut self, sign: u8) {
        match (sign, self.expects) {
            (b'(', Expects::FunctionName | Expects::Parenthesis) | (b',', Expects::Parameters(_)) => {
                self.expects = Expects::Parameters(true);
            }
            (b')', Expects::FunctionName | Expects::Parenthesis)
            | (b'{' | b'}' | b';', Expects::FunctionName | Expects::Parenthesis | Expects::Parameters(_)) => {
                self.expects = Expects::Nothing;
            }
            _ => {}
        }
        match sign {
            b'{' => {
                self.braces = self.braces.saturating_add(1);
                if let Some(function) = self.functions.get_mut(self.current as usize) {
                    function.braces = function.braces.saturating_add(1);
                }
            }
            b'}' => self.close_brace(),
            b'[' => self.brackets = self.brackets.saturating_add(1),
            b']' => self.brackets = self.brackets.saturating_sub(1),
            b',' if self.declares && self.braces == 0 && self.brackets == 0 && !self.in_head() => {
                self.expects = Expects::Variable;
            }
            b';' if self.braces == 0 => {
                self.declares = false;
                self.expects = Expects::Nothing;
            }
            _ => {}
        }
    }

    fn in_head(&self) -> bool {
        matches!(self.expects, Expects::FunctionName | Expects::Parenthesis | Expects::Parameters(_))
    }

    fn declare(&mut self, name: &[u8]) {
        let number = self.next;
        self.next = self.next.saturating_add(1);
        self.numbers.insert((self.current, name.to_owned()), number);
    }

    fn begin_function(&mut self) {
        let parent = self.current;
        let Some(around) = self.functions.get(parent as usize) else { return };
        let depth = around.depth.saturating_add(1);
        if depth > MAX_DEPTH {
            return;
        }
        self.current = u32::try_from(self.functions.len()).unwrap_or(0);
        self.functions.push(Function { parent, depth, braces: 0 });
    }

    fn close_brace(&mut self) {
        self.braces = self.braces.saturating_sub(1);
        let Some(function) = self.functions.get_mut(self.current as usize) else { return };
        if function.braces == 0 {
            return;
        }
        function.braces = function.braces.saturating_sub(1);
        if function.braces == 0 {
            self.current = function.parent;
            self.expects = Expects::Nothing;
        }
    }
}
