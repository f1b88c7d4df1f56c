/** <module> The knowledge base of one site

Stands alone, on any machine with SWI-Prolog, without agent and network:

    $ swipl kb/main.pl
    ?- prove(node_status(N, S), P).
    ?- node_status(N, S).

Loads the catalogue, the core rules and their twins, then this site's inventory (folder site) and state
(folder state), each beside this file, into the module `site`. The agent loads the same file.
*/

:- module(kb, []).
:- use_module(library(lists)).
:- use_module(library(apply)).
:- use_module(library(filesex), [directory_member/3]).
:- use_module(proof/errors).
:- use_module(proof/catalogue).
:- use_module(proof/language).
:- use_module(proof/facts).
:- use_module(proof/twin).
:- use_module(proof/prove).
:- use_module(proof/check).

:- prolog_load_context(directory, Dir),
   assertz(kb_directory(Dir)).

%!  kb_files(+Part, -Files) is det.
%
%   The .pl files of core/, site/ or state/ in byte order of their names.

kb_files(Part, Files) :-
    kb_directory(Dir),
    directory_file_path(Dir, Part, PartDir),
    (   exists_directory(PartDir)
    ->  findall(File, directory_member(PartDir, File, [extensions([pl])]), Files0),
        sort(Files0, Files)
    ;   Files = []
    ).

load_kb :-
    kb_files(core, Core),
    forall(member(File, Core),
           ( file_base_name(File, Base), file_name_extension(Module, pl, Base), load_core(Module, File) )),
    build_twins,
    open_site(site),
    forall(( kb_files(site, Files), member(File, Files) ), load_facts(site, File, inventory)),
    forall(( kb_files(state, Files), member(File, Files) ), load_facts(site, File, state)),
    forall(( entry(Name, Arity, _) ), define_toplevel(Name, Arity)).

%   At the toplevel a predicate of the catalogue can be called as it is.
define_toplevel(Name, Arity) :-
    functor(Head, Name, Arity),
    (   catch(predicate_property(system:Head, defined), _, fail)
    ->  true
    ;   assertz((user:Head :- kb:ask(Head)))
    ).

:- public ask/1.

ask(Goal) :-
    local_variables(Goal, Vars),
    question(Goal, Vars, none, Question),
    now(Now),
    answers(Question, site, Now, Answers),
    member(answer(Vars, _), Answers).

%!  user:prove(+Goal, -Proof) is nondet.
%
%   The answers of Goal at this site, now, each with its proof.

user:prove(Goal, Proof) :-
    local_variables(Goal, Vars),
    question(Goal, Vars, Proof, Question),
    kb:now(Now),
    answers(Question, site, Now, Answers),
    member(answer(Vars, Proof), Answers).

%   The clock is read here, at the edge, once a question; rules see it as the fact now/1.
now(Now) :-
    get_time(Seconds),
    Now is floor(Seconds*1000).

:- initialization(load_kb, now).
