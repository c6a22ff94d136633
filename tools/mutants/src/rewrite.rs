//! Puts mutants into a source file, each behind a condition that selects it at run time.
//!
//! A mutant of a function is a `return` at its beginning. A mutant of an operator is a branch that
//! has the whole expression with the other operator. A deleted arm gets a guard that is false.

use std::ops::Range;

use proc_macro2::Span;
use syn::{
    Arm, Block, Expr, ExprBinary, ExprMatch, ExprStruct, ExprUnary, FieldValue, ImplItemFn, ItemFn,
    Member, Pat, Signature,
    spanned::Spanned,
    visit::{self, Visit},
};

use crate::mutant::{Kind, Mutant};

/// A file with mutants.
pub struct Rewritten {
    pub text: String,
    /// The bytes of each mutant in the text.
    pub places: Vec<(Range<usize>, usize)>,
    /// Mutants that are not in the text, since Rust has no such expression: `||` beside a `let`.
    pub unviable: Vec<usize>,
}

/// Returns the source with these mutants. Each has a number, which selects it.
pub fn rewrite(source: &str, mutants: &[(usize, &Mutant)]) -> Result<Rewritten, String> {
    let file = syn::parse_file(source).map_err(|error| error.to_string())?;
    let mut finder = Finder {
        source,
        mutants: mutants.iter().map(|(id, mutant)| (mutant.range.start, *id, *mutant)).collect(),
        sites: Vec::new(),
        unviable: Vec::new(),
    };
    for &(id, mutant) in mutants {
        let (at, value) = (mutant.range.start, mutant.replacement.as_str());
        match mutant.kind {
            // A function cannot return two types of iterators.
            Kind::Function if value == "::std::iter::empty()" => {
                finder.sites.push(Site { range: mutant.range.clone(), form: Form::Empty(id) });
            }
            Kind::Function if value.starts_with("::std::iter::") => finder.unviable.push(id),
            Kind::Function => {
                finder.sites.push(Site { range: at..at, form: Form::Return(id, value) })
            }
            _ => {}
        }
    }
    finder.visit_file(&file);
    let Finder { mut sites, mut unviable, .. } = finder;
    // Outer ones first; what is inserted before an expression is outside of it.
    sites.sort_by_key(|site| {
        (site.range.start, !site.range.is_empty(), usize::MAX - site.range.end)
    });
    let mut writer = Writer { source, out: String::new(), places: Vec::new() };
    writer.write(0..source.len(), &sites);
    let Writer { out: text, places, .. } = writer;
    for (id, mutant) in mutants {
        if !unviable.contains(id) && !places.iter().any(|(_, placed)| placed == id) {
            return Err(format!("{}: the place of this mutant was not found", mutant.name));
        }
    }
    unviable.sort_unstable();
    Ok(Rewritten { text, places, unviable })
}

/// A place where mutants are put.
struct Site<'a> {
    range: Range<usize>,
    form: Form<'a>,
}

enum Form<'a> {
    /// Inserted before the body of a function.
    Return(usize, &'a str),
    /// The body of a function that returns an iterator, which then has no items.
    Empty(usize),
    /// Inserted after the pattern of an arm without a guard.
    NoArm(usize),
    /// An expression, or a guard, with its variants.
    Choice(Vec<(usize, String)>),
    /// A field of a struct expression: its name, the value of the base, the range of its value.
    Field { id: usize, name: String, base: String, value: Range<usize> },
    /// Removed: `const` of a function.
    Nothing,
}

struct Finder<'a> {
    source: &'a str,
    mutants: Vec<(usize, usize, &'a Mutant)>,
    sites: Vec<Site<'a>>,
    unviable: Vec<usize>,
}

impl<'a> Finder<'a> {
    fn at(&self, start: usize, kind: Kind) -> Vec<(usize, &'a Mutant)> {
        let here =
            self.mutants.iter().filter(|(at, _, mutant)| *at == start && mutant.kind == kind);
        here.map(|(_, id, mutant)| (*id, *mutant)).collect()
    }

    /// An expression of operators and its operands. Its mutants are put around the whole of it, so that
    /// a replaced operator has the precedence that it would have in the source.
    fn operators(&mut self, expression: &Expr) {
        let mut starts = Vec::new();
        let mut operands = Vec::new();
        collect(expression, &mut starts, &mut operands);
        let range = bytes(expression.span());
        let mut variants = Vec::new();
        for start in starts {
            for (id, mutant) in self.at(start, Kind::Operator) {
                let (before, after) =
                    (range.start..mutant.range.start, mutant.range.end..range.end);
                let space = if mutant.replacement.is_empty() { "" } else { " " };
                let text = format!(
                    "{}{space}{}{space}{}",
                    &self.source[before], mutant.replacement, &self.source[after]
                );
                variants.push((id, text));
            }
        }
        if !variants.is_empty() {
            self.sites.push(Site { range, form: Form::Choice(variants) });
        }
        for operand in operands {
            visit::visit_expr(self, operand);
        }
    }

    /// Removes `const` of a function with mutants, since the selected mutant is not known to a constant.
    fn constness(&mut self, signature: &Signature, body: &Block) {
        let body = bytes(body.span());
        if let Some(constness) = &signature.constness
            && self.mutants.iter().any(|(at, ..)| body.contains(at))
        {
            self.sites.push(Site { range: bytes(constness.span()), form: Form::Nothing });
        }
    }
}

impl<'ast> Visit<'ast> for Finder<'_> {
    fn visit_item_fn(&mut self, function: &'ast ItemFn) {
        self.constness(&function.sig, &function.block);
        visit::visit_item_fn(self, function);
    }

    fn visit_impl_item_fn(&mut self, function: &'ast ImplItemFn) {
        self.constness(&function.sig, &function.block);
        visit::visit_impl_item_fn(self, function);
    }

    fn visit_expr(&mut self, expression: &'ast Expr) {
        match expression {
            Expr::Binary(ExprBinary { left, op, right, .. }) if has_let(expression) => {
                let start = bytes(op.span()).start;
                let here = self.at(start, Kind::Operator);
                self.unviable.extend(here.iter().map(|(id, _)| *id));
                self.visit_expr(left);
                self.visit_expr(right);
            }
            Expr::Binary(_) | Expr::Unary(_) => self.operators(expression),
            _ => visit::visit_expr(self, expression),
        }
    }

    fn visit_expr_match(&mut self, expression: &'ast ExprMatch) {
        // Without an arm for the rest, each arm is necessary.
        if !expression.arms.iter().any(|arm| matches!(arm.pat, Pat::Wild(_))) {
            for arm in &expression.arms {
                let deleted = self.at(bytes(arm.pat.span()).start, Kind::Arm);
                self.unviable.extend(deleted.iter().map(|(id, _)| *id));
            }
        }
        visit::visit_expr_match(self, expression);
    }

    fn visit_arm(&mut self, arm: &'ast Arm) {
        // Attributes are before the pattern, and not a part of the mutant.
        let mut deleted = self.at(bytes(arm.pat.span()).start, Kind::Arm);
        deleted.retain(|(id, _)| !self.unviable.contains(id));
        if let Pat::Guard(guarded) = &arm.pat {
            let range = bytes(guarded.guard.span());
            let mut variants: Vec<_> =
                deleted.iter().map(|(id, _)| (*id, "false".into())).collect();
            for (id, mutant) in self.at(range.start, Kind::Guard) {
                variants.push((id, mutant.replacement.clone()));
            }
            if !variants.is_empty() {
                self.sites.push(Site { range, form: Form::Choice(variants) });
            }
        } else {
            let end = bytes(arm.pat.span()).end;
            for (id, _) in deleted {
                self.sites.push(Site { range: end..end, form: Form::NoArm(id) });
            }
        }
        visit::visit_arm(self, arm);
    }

    fn visit_expr_struct(&mut self, expression: &'ast ExprStruct) {
        for field in &expression.fields {
            let range = bytes(field.span());
            for (id, _) in self.at(range.start, Kind::Field) {
                let Some(base) = &expression.rest else { continue };
                let FieldValue { member: Member::Named(name), expr, .. } = field else { continue };
                let form = Form::Field {
                    id,
                    name: name.to_string(),
                    base: self.source[bytes(base.span())].to_owned(),
                    value: bytes(expr.span()),
                };
                self.sites.push(Site { range: range.clone(), form });
            }
        }
        visit::visit_expr_struct(self, expression);
    }
}

/// The operators of an expression, and what they are applied to.
fn collect<'a>(expression: &'a Expr, starts: &mut Vec<usize>, operands: &mut Vec<&'a Expr>) {
    match expression {
        Expr::Binary(ExprBinary { left, op, right, .. }) => {
            collect(left, starts, operands);
            starts.push(bytes(op.span()).start);
            collect(right, starts, operands);
        }
        Expr::Unary(ExprUnary { op, expr, .. }) => {
            starts.push(bytes(op.span()).start);
            collect(expr, starts, operands);
        }
        _ => operands.push(expression),
    }
}

/// Whether a chain of conditions has a `let`.
fn has_let(expression: &Expr) -> bool {
    match expression {
        Expr::Let(_) => true,
        Expr::Binary(ExprBinary { left, right, .. }) => has_let(left) || has_let(right),
        _ => false,
    }
}

fn bytes(span: Span) -> Range<usize> {
    span.byte_range()
}

struct Writer<'a> {
    source: &'a str,
    out: String,
    places: Vec<(Range<usize>, usize)>,
}

impl Writer<'_> {
    /// Writes a range of the source with the sites in it.
    fn write(&mut self, range: Range<usize>, sites: &[Site<'_>]) {
        let (mut at, mut next) = (range.start, 0);
        while let Some(site) = sites.get(next) {
            self.out += &self.source[at..site.range.start];
            next += 1;
            let inner = sites[next..].iter().take_while(|other| other.range.start < site.range.end);
            let inner = &sites[next..next + inner.count()];
            self.site(site, inner);
            at = site.range.end;
            next += inner.len();
        }
        self.out += &self.source[at..range.end];
    }

    fn site(&mut self, site: &Site<'_>, inner: &[Site<'_>]) {
        match &site.form {
            Form::Return(id, value) => {
                self.variant(*id, &format!("if {} {{ return {value}; }} ", active(*id)));
            }
            Form::Empty(id) => {
                self.out += "{ ";
                self.write(site.range.clone(), inner);
                self.out += " }";
                let count = format!("if {} {{ 0 }} else {{ usize::MAX }}", active(*id));
                self.variant(*id, &format!(".take({count})"));
            }
            Form::NoArm(id) => self.variant(*id, &format!(" if !{}", active(*id))),
            Form::Choice(variants) => {
                self.out += "(";
                for (id, text) in variants {
                    self.variant(*id, &format!("if {} {{ {text} }} else ", active(*id)));
                }
                self.out += "{ ";
                self.write(site.range.clone(), inner);
                self.out += " })";
            }
            Form::Field { id, name, base, value } => {
                self.out += &format!("{name}: ");
                self.variant(*id, &format!("if {} {{ ({base}).{name} }} else ", active(*id)));
                self.out += "{ ";
                self.write(value.clone(), inner);
                self.out += " }";
            }
            Form::Nothing => {}
        }
    }

    fn variant(&mut self, id: usize, text: &str) {
        let start = self.out.len();
        self.out += text;
        self.places.push((start..self.out.len(), id));
    }
}

fn active(id: usize) -> String {
    format!("crate::mutants::active({id})")
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The source with one mutant: the text at the mark `[...]` is replaced.
    fn rewritten(kind: Kind, marked: &str, replacement: &str) -> Rewritten {
        let (before, rest) = marked.split_once('[').expect("the mark begins");
        let (text, after) = rest.split_once(']').expect("the mark ends");
        let range = before.len()..before.len() + text.len();
        let mutant = Mutant {
            file: String::new(),
            name: String::new(),
            change: String::new(),
            line: String::new(),
            kind,
            range,
            replacement: replacement.to_owned(),
            is_constant: false,
        };
        let source = format!("{before}{text}{after}");
        rewrite(&source, &[(7, &mutant)]).expect("the mutant has a place")
    }

    #[test]
    fn a_replaced_operator_keeps_its_precedence() {
        let text = rewritten(Kind::Operator, "fn f() { a || !b [&&] c }", "||").text;
        let choice = "(if crate::mutants::active(7) { a || !b  ||  c } else { a || !b && c })";
        assert_eq!(text, format!("fn f() {{ {choice} }}"));
    }

    #[test]
    fn a_function_returns_the_replacement() {
        let text = rewritten(Kind::Function, "const fn f() -> u8 { [g()] }", "1").text;
        assert_eq!(text, " fn f() -> u8 { if crate::mutants::active(7) { return 1; } g() }");
    }

    #[test]
    fn a_deleted_arm_has_a_guard_that_is_false() {
        let text = rewritten(Kind::Arm, "fn f() { match a { [B => c], _ => d } }", "").text;
        let deleted = "match a { B if !crate::mutants::active(7) => c, _ => d }";
        assert_eq!(text, format!("fn f() {{ {deleted} }}"));
        // Without an arm for the rest, the arm is necessary.
        let found = rewritten(Kind::Arm, "fn f() { match a { [B => c], D => d } }", "");
        assert_eq!(found.unviable, [7]);
    }

    #[test]
    fn beside_a_let_no_operator_is_replaced() {
        let found = rewritten(Kind::Operator, "fn f() { if let A = b [&&] c { d } }", "||");
        assert_eq!(found.unviable, [7]);
    }
}
