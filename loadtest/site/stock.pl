/** <module> The baseline: library(pengines) as SWI-Prolog ships it, over plain TCP, on the same knowledge base

    $ swipl stock.pl -- --kb kb/main.pl

Prints `{"ready":true,"port":P}` and ends with its standard input. The application's module offers the catalogue's predicates
by a thin clause each, as a person would write it who wants nothing else; the sandbox is told to trust them.
*/

:- use_module(library(http/thread_httpd)).
:- use_module(library(http/http_dispatch)).
:- use_module(library(pengines)).
:- use_module(library(sandbox)).
:- use_module(library(main)).
:- use_module(library(lists)).
:- use_module(library(readutil)).

:- pengine_application(logic).
:- multifile sandbox:safe_primitive/1.
:- dynamic sandbox:safe_primitive/1.

:- initialization(main, main).

main(Argv) :-
    nextto('--kb', Kb, Argv),
    load_files(Kb, [silent(true)]),
    forall(catalogue:entry(Name, Arity, _), offer(Name, Arity)),
    offer_prove,
    http_server(http_dispatch, [port(localhost:Port), workers(16)]),
    format('{"ready":true,"port":~d}~n', [Port]),
    flush_output,
    read_line_to_string(user_input, _),
    halt.

offer(Name, Arity) :-
    functor(Head, Name, Arity),
    assertz((logic:Head :- kb:ask(Head))),
    assertz(sandbox:safe_primitive(logic:Head)).

offer_prove :-
    assertz((logic:prove(Goal, Proof) :- user:prove(Goal, Proof))),
    assertz(sandbox:safe_primitive(logic:prove(_, _))).
