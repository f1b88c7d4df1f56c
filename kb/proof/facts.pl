:- module(facts,
          [ open_site/1,                % +Site
            load_facts/3,               % +Site, +File, +Kind
            put_fact/3,                 % +Site, +Fact, +Evidence
            check_fact/2,               % +Fact, ?Kind
            state_fact/3,               % +Site, ?Fact, ?Evidence
            revision/2,                 % +Site, -Revision
            set_revision/2,             % +Site, +Revision
            state_text/2,               % +Site, -Text
            remove_fact/2,              % +Site, +Fact
            remove_slot/2,              % +Site, +Fact
            next_expiry/3,              % +Site, +Now, -ValidUntil
            went_stale/3,               % +Site, +From, +To
            observed_after/4,           % +Site, +Time, -Fact, -Evidence
            same_key/2,                 % +Fact, -Slot
            write_canonical_term/2      % +Stream, +Term
          ]).
:- use_module(library(lists)).
:- use_module(library(apply)).
:- use_module(library(error)).
:- use_module(library(aggregate), [aggregate_all/3]).
:- use_module(catalogue).
:- use_module(errors).

/** <module> The facts of a site

The one module that asserts and retracts facts. Each site's facts stand in a module of their own, named
by the site, so that one engine can hold one site or hundreds and the core rules are loaded once.
An inventory fact is kept as it is; a state fact `node_up(pve1, true)` is kept with its evidence as three more
arguments, `node_up(pve1, true, Source, ObservedAt, ValidUntil)`, so that a rule's twin finds both
in one indexed call. In text they are two lines:

    node_up(pve1,true).
    evidence(node_up(pve1,true),host,1732400000000,1732400015000).

Files are read term by term and never consulted: a clause with a body, a directive, a variable or an undeclared predicate is
refused with its file and line (`bad_fact`).

    ?- state_fact(site, node_up(pve1, Up), evidence(Source, _, _)).
*/

%!  open_site(+Site) is det.
%
%   Make the module of Site with every declared fact predicate in it, empty if new.

open_site(Site) :-
    must_be(atom, Site),
    forall(entry_kind_arity(Name, Arity, Kind), open_predicate(Kind, Site, Name, Arity)),
    dynamic(Site:revision/1),
    (   revision(Site, _)
    ->  true
    ;   set_revision(Site, 0)
    ).

entry_kind_arity(Name, Arity, Kind) :-
    entry(Name, Arity, _),
    entry_kind(Name, Arity, Kind).

open_predicate(state, Site, Name, Arity) :- !, Stored is Arity+3, dynamic(Site:Name/Stored).
open_predicate(inventory, Site, Name, Arity) :- !, dynamic(Site:Name/Arity).
open_predicate(_, _, _, _).

%!  revision(+Site, -Revision) is semidet.

revision(Site, Revision) :-
    Site:revision(Revision).

%!  set_revision(+Site, +Revision) is det.

set_revision(Site, Revision) :-
    retractall(Site:revision(_)),
    assertz(Site:revision(Revision)).

%!  check_fact(+Fact, ?Kind) is det.
%
%   Fact is a ground, well-typed fact of a declared predicate of Kind (`state` or `inventory`).
%
%   @throws logic(bad_fact, _)

check_fact(Fact, Kind) :-
    (   callable(Fact)
    ->  true
    ;   refuse(bad_fact, ['a fact is a name with arguments'])
    ),
    functor(Fact, Name, Arity),
    (   entry_kind(Name, Arity, Kind0),
        memberchk(Kind0, [state,inventory])
    ->  true
    ;   refuse(bad_fact, [Name, '/', Arity, ' is no declared fact'])
    ),
    (   Kind = Kind0
    ->  true
    ;   refuse(bad_fact, [Name, '/', Arity, ' is ', Kind0, ', not ', Kind])
    ),
    Fact =.. [_|Args],
    forall(nth1(I, Args, Arg), check_value(Name, Arity, I, Arg)).

check_value(Name, Arity, I, Arg) :-
    argument(Name, Arity, I, Type, _),
    (   ground(Arg),
        value_of_type(Arg, Type),
        plain_number(Arg)
    ->  true
    ;   refuse(bad_fact, ['argument ', I, ' of ', Name, '/', Arity, ' is not of its declared type'])
    ).

plain_number(F) :- float(F), !, float_class(F, Class), memberchk(Class, [zero,subnormal,normal]), ( F =\= 0.0 -> true ; F == 0.0 ).
plain_number(I) :- integer(I), !, abs(I) < 1<<256.
plain_number(_).

%!  put_fact(+Site, +Fact, +Evidence) is det.
%
%   Add Fact, in the place of a state fact with the same key. Evidence is
%   evidence(Source, ObservedAt, ValidUntil), or `inventory`. Fact has passed check_fact/2.

put_fact(Site, Fact, inventory) :-
    !,
    (   Site:Fact
    ->  true
    ;   assertz(Site:Fact)
    ).
put_fact(Site, Fact, evidence(Source, ObservedAt, ValidUntil)) :-
    must_be(atom, Source),
    must_be(nonneg, ObservedAt),
    must_be(nonneg, ValidUntil),
    same_key(Fact, Old),
    stored(Old, _, OldStored),
    retractall(Site:OldStored),
    stored(Fact, evidence(Source, ObservedAt, ValidUntil), Stored),
    assertz(Site:Stored).

%!  remove_fact(+Site, +Fact) is det.
%
%   Take Fact away, where it is there. Fact has passed check_fact/2.

remove_fact(Site, Fact) :-
    functor(Fact, Name, Arity),
    (   entry_kind(Name, Arity, state)
    ->  stored(Fact, _, Stored),
        retractall(Site:Stored)
    ;   retractall(Site:Fact)
    ).

%!  remove_slot(+Site, +Fact) is det.
%
%   Take away what stands in the place of the state fact Fact, whatever its value is by now. Fact has passed check_fact/2.

remove_slot(Site, Fact) :-
    same_key(Fact, Slot),
    stored(Slot, _, Stored),
    retractall(Site:Stored).

%!  same_key(+Fact, -Slot) is det.
%
%   Slot is open but for the key of Fact: what stands in the same place. All of Fact where no key is declared.

same_key(Fact, Old) :-
    functor(Fact, Name, Arity),
    functor(Old, Name, Arity),
    key_positions(Name, Arity, Positions),
    maplist(same_argument(Fact, Old), Positions).

same_argument(Fact, Old, I) :-
    arg(I, Fact, Value),
    arg(I, Old, Value).

stored(Fact, evidence(Source, ObservedAt, ValidUntil), Stored) :-
    Fact =.. [Name|Args],
    append(Args, [Source,ObservedAt,ValidUntil], StoredArgs),
    Stored =.. [Name|StoredArgs].

%!  state_fact(+Site, ?Fact, ?Evidence) is nondet.
%
%   All state facts of Site, those past their validity too.

state_fact(Site, Fact, Evidence) :-
    entry_kind_arity(Name, Arity, state),
    functor(Fact, Name, Arity),
    stored(Fact, Evidence, Stored),
    Site:Stored.

                /*******************************
                *      time                    *
                *******************************/

%!  next_expiry(+Site, +Now, -ValidUntil) is semidet.
%
%   The first end of validity among the facts of Site that hold at Now. Looks at every fact: 6 ms for 10,000.

next_expiry(Site, Now, ValidUntil) :-
    aggregate_all(min(V), ( state_fact(Site, _, evidence(_, _, V)), V >= Now ), ValidUntil).

%!  went_stale(+Site, +From, +To) is semidet.
%
%   A fact of Site held at From and does not at To.

went_stale(Site, From, To) :-
    state_fact(Site, _, evidence(_, _, V)),
    V >= From,
    V < To,
    !.

%!  observed_after(+Site, +Time, -Fact, -Evidence) is nondet.
%
%   The facts of Site that were observed later than Time: where Time is now, the clock was set back since.

observed_after(Site, Time, Fact, evidence(Source, ObservedAt, ValidUntil)) :-
    state_fact(Site, Fact, evidence(Source, ObservedAt, ValidUntil)),
    ObservedAt > Time.

                /*******************************
                *      text                    *
                *******************************/

%!  load_facts(+Site, +File, +Kind) is det.
%
%   Load one file of inventory or state. Kind says which facts it may hold.
%
%   @throws logic(bad_fact, _) with file and line.

load_facts(Site, File, Kind) :-
    setup_call_cleanup(
        open(File, read, In, [encoding(utf8)]),
        ( read_facts(In, File, Terms),
          partition(evidence_line, Terms, Evidence, Facts),
          append(Evidence, Facts, Ordered),     % a fact finds its evidence there
          forall(member(Term-Line, Ordered), load_fact(Kind, Site, Term, File:Line)) ),
        close(In)).

evidence_line(evidence(_, _, _, _)-_).

read_facts(In, File, Terms) :-
    catch(read_term(In, Term, [module(facts), syntax_errors(error), term_position(Position)]),
          error(syntax_error(What), _),
          ( line_count(In, Near),
            refuse(bad_fact, [File, ':', Near, ': syntax error (', What, ')']) )),
    (   Term == end_of_file
    ->  Terms = []
    ;   stream_position_data(line_count, Position, Line),
        Terms = [Term-Line|Rest],
        read_facts(In, File, Rest)
    ).

load_fact(state, Site, revision(R), _) :-
    integer(R), R >= 0,
    !,
    set_revision(Site, R).
load_fact(state, Site, evidence(Fact, Source, ObservedAt, ValidUntil), Where) :-
    !,
    located(Where, check_fact(Fact, state)),
    located(Where, check_evidence(Source, ObservedAt, ValidUntil)),
    put_fact(Site, Fact, evidence(Source, ObservedAt, ValidUntil)).
load_fact(state, Site, Fact, Where) :-
    !,
    located(Where, check_fact(Fact, state)),
    stored(Fact, _, Stored),
    (   Site:Stored
    ->  true
    ;   Where = File:Line,
        refuse(bad_fact, [File, ':', Line, ': a state fact without its evidence/4'])
    ).
load_fact(Kind, Site, Fact, Where) :-
    located(Where, check_fact(Fact, Kind)),
    put_fact(Site, Fact, Kind).

check_evidence(Source, ObservedAt, ValidUntil) :-
    (   value_of_type(Source, atom), integer(ObservedAt), ObservedAt >= 0, integer(ValidUntil), ValidUntil >= 0
    ->  true
    ;   refuse(bad_fact, ['evidence is a source (atom) and two times in milliseconds'])
    ).

:- meta_predicate located(+, 0).

located(File:Line, Goal) :-
    catch(Goal, error(logic(Code, Message), _),
          refuse(Code, [File, ':', Line, ': ', Message])).

%!  state_text(+Site, -Text) is det.
%
%   The canonical text of Site's state: revision first, then one fact a line with its evidence, sorted. Equal
%   states have equal text.

state_text(Site, Text) :-
    revision(Site, Revision),
    findall(Fact-Evidence, state_fact(Site, Fact, Evidence), Pairs0),
    sort(Pairs0, Pairs),
    with_output_to(string(Text),
                   ( current_output(Out), write_state(Out, Revision, Pairs) )).

write_state(Out, Revision, Pairs) :-
    write(Out, '% The state of this site, kept by telemetry. Written by logic-node; an edit while it is stopped is kept.\n'),
    write_fact(Out, revision(Revision)),
    forall(member(Fact-evidence(Source, ObservedAt, ValidUntil), Pairs),
           ( write_fact(Out, Fact),
             write_fact(Out, evidence(Fact, Source, ObservedAt, ValidUntil)) )).

write_fact(Out, Fact) :-
    write_canonical_term(Out, Fact),
    write(Out, '.\n').

%!  write_canonical_term(+Stream, +Term) is det.
%
%   The one writer of canonical text (docs/protocol.md, "Text").

write_canonical_term(Out, Term) :-
    write_term(Out, Term, [quoted(true), ignore_ops(true), numbervars(false)]).
