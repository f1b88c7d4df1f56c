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
:- use_module(library(filesex), [directory_member/3, directory_file_path/3]).
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

%   Any ask of docs/protocol.md section 1 at this site, now.
ask(Ask) :-
    ask_parts(Ask, Goal, _, _),
    local_variables(Goal, Open),
    question(Ask, Open, none, Question),
    question_columns(Question, Vars, Proof),
    now(Now),
    answers(Question, site, Now, Answers),
    member(answer(Vars, Proof), Answers).

%!  user:prove(+Goal, -Proof) is nondet.
%
%   The answers of Goal at this site, now, each with its proof.

user:prove(Goal, Proof) :- kb:ask(prove(Goal, Proof)).

%!  user:why_not(+Goal, -Why) is semidet.
%
%   Why the ground Goal does not hold; fails if it does. See proof/explain.pl.

user:why_not(Goal, Why) :- kb:ask(why_not(Goal, Why)).

%!  user:assuming(+Assumptions, +Ask) is nondet.
%
%   The answers of Ask if Assumptions were so: facts, or `\+ Fact`.

user:assuming(Assumptions, Ask) :- kb:ask(assuming(Assumptions, Ask)).

%!  user:place(+Vms, -Placement) is det.
%!  user:evacuate(+Node, -Placement) is det.
%
%   Where machines could go, as a list of Vm-Node that the core rules certify: see search/placement.pl, which is loaded when first
%   called (library(clpfd) takes as long as all of this) and which no question can reach.

user:place(Vms, Placement) :- kb:search(place_at, [here, Vms, Placement, []]).
user:evacuate(Node, Placement) :- kb:search(evacuate_at, [here, Node, Placement, []]).

:- public search/2.

search(Name, Arguments) :-
    kb_directory(Dir),
    directory_file_path(Dir, 'search/placement', File),
    use_module(File, []),
    Goal =.. [Name|Arguments],
    call(placement:Goal).

%   The clock is read here, at the edge, once a question; rules see it as the fact now/1.
now(Now) :-
    get_time(Seconds),
    Now is floor(Seconds*1000).

:- initialization(load_kb, now).
