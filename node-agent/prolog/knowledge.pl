:- module(knowledge, []).
:- use_module(library(lists)).

/** <module> The knowledge base that this engine serves

Loads the main.pl that the command line names with `--kb`, else the checkout's own. The modules beside this one call its
parts by name (`prove:answers/4`, `facts:put_fact/3`), so they import nothing from a path that differs by installation.
*/

:- dynamic directory/1.

:- prolog_load_context(directory, Dir),
   assertz(directory(Dir)).

knowledge_base(Kb) :-
    current_prolog_flag(argv, Argv),
    nextto('--kb', Kb, Argv),
    !.
knowledge_base(Kb) :-
    directory(Dir),
    atom_concat(Dir, '/../../kb/main.pl', Kb).

:- knowledge_base(Kb),
   use_module(Kb, []).
