:- module(manifest,
          [ write_manifest/2,           % +KbDir, +File
            bundle_digest/2             % +KbDir, -Hex
          ]).
:- use_module(library(lists)).
:- use_module(library(apply)).
:- use_module(library(filesex), [directory_member/3, directory_file_path/3, relative_file_name/3]).
:- use_module(library(readutil), [read_file_to_codes/3]).
:- use_module(library(sha), [sha_hash/3, hash_atom/2]).
:- use_module(library(http/json), [json_write_dict/3]).
:- use_module(catalogue).
:- use_module(facts).
:- use_module(twin).

/** <module> The manifest

Writes `kb/manifest.json`: every core clause and the catalogue, as a checker elsewhere needs them, generated from
the rules as they were loaded. The format is docs/protocol.md section 2. Run by `npm run manifest`; a test says when it is out of date.

    $ swipl kb/main.pl -g "manifest:write_manifest(kb, 'kb/manifest.json')" -t halt
*/

%!  write_manifest(+KbDir, +File) is det.

write_manifest(KbDir, File) :-
    bundle_digest(KbDir, Bundle),
    findall(Entry, catalogue_entry(Entry), Catalogue),
    findall(Clause, clause_entry(Clause), Clauses),
    setup_call_cleanup(
        open(File, write, Out, [encoding(utf8), newline(posix)]),
        ( json_write_dict(Out, _{format:1, bundle:Bundle, catalogue:Catalogue, clauses:Clauses},
                          [width(160), step(1), tab(100)]),
          nl(Out) ),
        close(Out)).

catalogue_entry(_{name:Name, arity:Arity, kind:Kind, det:Det, key:Key, module:Module, doc:Doc, say:Say, args:Args}) :-
    entry(Name, Arity, entry(Kind, Arguments, Det, Key, Module, Doc)),
    phrasings(Name, Arity, Say),
    maplist(argument_entry, Arguments, Args).

argument_entry(argument(Name, Type0, Mode, none), _{name:Name, type:Type, mode:Mode}) :-
    !,
    type_entry(Type0, Type).
argument_entry(argument(Name, Type0, Mode, Unit), _{name:Name, type:Type, mode:Mode, unit:Unit}) :-
    type_entry(Type0, Type).

type_entry(oneof(Values), Values) :- !.
type_entry(Type, Type).

clause_entry(_{id:Id, name:Name, arity:Arity, n:K, at:At, head:HeadText, body:BodyText}) :-
    core_clause(Name, Arity, K, Head, Body, File:Line),
    atomic_list_concat([Name,/,Arity,#,K], Id),
    atomic_list_concat([File,:,Line], At),
    copy_term(Head-Body, Head1-Body1),
    term_variables(Head1-Body1, Vars),
    foldl(name_variable, Vars, 0, _),
    variable_text(Head1, HeadText),
    variable_text(Body1, BodyText).

%   A to Z, then A1 to Z1, and so on: '$VAR'(I) as write_term/2 prints it.
name_variable('$VAR'(I), I, I1) :-
    I1 is I+1.

variable_text(Term, Text) :-
    with_output_to(string(Text), write_term(Term, [quoted(true), ignore_ops(true), numbervars(true)])).

%!  bundle_digest(+KbDir, -Hex) is det.
%
%   SHA-256 over main.pl, core and proof, as docs/protocol.md section 2 says.

bundle_digest(KbDir, Hex) :-
    findall(Path, bundle_file(KbDir, Path), Paths0),
    sort(Paths0, Paths),
    maplist(file_codes(KbDir), Paths, Parts),
    append(Parts, Codes),
    sha_hash(Codes, Hash, [algorithm(sha256), encoding(octet)]),
    hash_atom(Hash, Hex).

bundle_file(_, 'main.pl').
bundle_file(KbDir, Path) :-
    member(Part, [core,proof]),
    directory_file_path(KbDir, Part, Dir),
    directory_member(Dir, File, [extensions([pl]), recursive(true)]),
    directory_file_path(KbDir, '.', Base),
    absolute_file_name(File, Absolute),
    absolute_file_name(Base, AbsoluteBase),
    atom_concat(AbsoluteBase, /, Prefix),
    atom_concat(Prefix, Path, Absolute).

file_codes(KbDir, Path, Codes) :-
    directory_file_path(KbDir, Path, File),
    read_file_to_codes(File, Content, [type(binary)]),
    length(Content, Length),
    atom_codes(Path, PathCodes),
    number_codes(Length, LengthCodes),
    append([PathCodes, [0'\n], LengthCodes, [0'\n], Content, [0'\n]], Codes).
