:- module(catalogue,
          [ declare/3,                  % +Module, +Signature, +Properties
            entry/3,                    % ?Name, ?Arity, -Entry
            entry_kind/3,               % +Name, +Arity, -Kind
            is_lemma/2,                 % +Name, +Arity
            phrasings/3,                % ?Name, ?Arity, -Phrasings
            argument/5,                 % +Name, +Arity, ?I, -Type, -Mode
            base_type/2,                % +Type, -Base
            value_of_type/2,            % +Value, +Type
            key_positions/3             % +Name, +Arity, -Positions
          ]).
:- use_module(library(lists)).
:- use_module(library(apply)).
:- use_module(library(option)).
:- use_module(library(error)).
:- use_module(errors).

/** <module> The catalogue: what may be asked

The closed list of predicates that rules and questions may call. Each is declared beside its rules
by one directive in the core rules:

    :- catalogue(node_temp(node:atom, temp:float),
                 [kind(state), key([1]), unit(2, celsius), doc("..."),
                  say(["how hot are the nodes?", "how hot is {node}?"])]).

    ?- entry(node_status, 2, Entry).

`say` gives example questions in plain English. `{node}` stands for a value of the argument of that name; arguments that a question
does not name are what it asks for. No rule sees them: they are for people, and for what translates a sentence into a query.

Invariant: a name and arity is declared once, in one core file. The wire format of an entry is
docs/protocol.md section 2.
*/

%   entry(Name, Arity, entry(Kind, Arguments, Determinism, Key, Module, Doc)),
%   Arguments a list of argument(Name, Type, Mode, Unit); Unit is `none` where there is none.
:- dynamic entry/3.
%   is_lemma(Name, Arity): derived once in a question for each way it is called (lemma.pl).
:- dynamic is_lemma/2.
%!  phrasings(?Name, ?Arity, -Phrasings:list(string)) is nondet.
%
%   Questions that the predicate answers, in plain English.
:- dynamic phrasings/3.

%!  declare(+Module, +Signature, +Properties) is det.
%
%   Add one declaration, as the directive catalogue/2 of a core file gives it.
%
%   @throws permission_error if the predicate is declared already.
%   @throws domain_error(phrasing, _) for an example question that names what is no argument.

declare(Module, Signature, Properties) :-
    compound_name_arguments(Signature, Name, Specs),
    length(Specs, Arity),
    (   entry(Name, Arity, _)
    ->  permission_error(declare, predicate, Name/Arity)
    ;   true
    ),
    must_be(list, Properties),
    option(kind(Kind), Properties),
    must_be(oneof([derived,state,inventory,clock]), Kind),
    option(doc(Doc), Properties),
    must_be(string, Doc),
    option(det(Det), Properties, nondet),
    option(key(Key), Properties, []),
    (   option(lemma(true), Properties)
    ->  assertz(is_lemma(Name, Arity))
    ;   true
    ),
    declared_arguments(Specs, 1, Properties, Arguments),
    option(say(Phrasings), Properties, []),
    check_phrasings(Phrasings, Arguments),
    assertz(entry(Name, Arity, entry(Kind, Arguments, Det, Key, Module, Doc))),
    assertz(phrasings(Name, Arity, Phrasings)).

declared_arguments([], _, _, []).
declared_arguments([Spec|Specs], I, Properties, [argument(Name, Type, Mode, Unit)|Arguments]) :-
    declared_mode(Spec, Name, Type, Mode),
    must_be(atom, Name),
    base_type(Type, _),
    (   member(unit(I, Unit), Properties)
    ->  must_be(atom, Unit)
    ;   Unit = none
    ),
    I1 is I+1,
    declared_arguments(Specs, I1, Properties, Arguments).

declared_mode(+(Name:Type), Name, Type, +) :- !.
declared_mode(Name:Type, Name, Type, -).

%   One at least: what nobody knows how to ask for is found by none.
check_phrasings(Phrasings, Arguments) :-
    must_be(list(string), Phrasings),
    (   Phrasings == []
    ->  domain_error(phrasings, Phrasings)
    ;   maplist(check_phrasing(Arguments), Phrasings)
    ).

check_phrasing(Arguments, Phrasing) :-
    (   split_string(Phrasing, "{", "", [Before|Parts]),
        \+ sub_string(Before, _, _, _, "}"),
        maplist(placeholder(Arguments), Parts)
    ->  true
    ;   domain_error(phrasing, Phrasing)
    ).

%   placeholder(+Arguments, +Part): Part is what follows a brace that opens, up to the next.
placeholder(Arguments, Part) :-
    split_string(Part, "}", "", [Text,_]),
    atom_string(Name, Text),
    memberchk(argument(Name, _, _, _), Arguments).

%!  entry_kind(+Name, +Arity, -Kind) is semidet.

entry_kind(Name, Arity, Kind) :-
    entry(Name, Arity, entry(Kind, _, _, _, _, _)).

%!  argument(+Name, +Arity, ?I, -Type, -Mode) is nondet.

argument(Name, Arity, I, Type, Mode) :-
    entry(Name, Arity, entry(_, Arguments, _, _, _, _)),
    nth1(I, Arguments, argument(_, Type, Mode, _)).

%!  key_positions(+Name, +Arity, -Positions) is det.
%
%   The arguments of a state predicate of which there is one fact per value; all of them where none is declared.

key_positions(Name, Arity, Positions) :-
    entry(Name, Arity, entry(_, _, _, Key, _, _)),
    (   Key == []
    ->  numlist(1, Arity, Positions)
    ;   Positions = Key
    ).

%!  base_type(+Type, -Base) is det.
%
%   Base is `atom`, `integer` or `float`: what typing and ordering go by.
%
%   @throws domain_error for a type that is none of the catalogue's.

base_type(atom, atom) :- !.
base_type(boolean, atom) :- !.
base_type(oneof(_), atom) :- !.
base_type(integer, integer) :- !.
base_type(time, integer) :- !.
base_type(float, float) :- !.
base_type(Type, _) :-
    domain_error(catalogue_type, Type).

%!  value_of_type(+Value, +Type) is semidet.
%
%   True when the ground Value has exactly the declared Type. An integer is no float.

value_of_type(Value, atom) :- plain_atom(Value).
value_of_type(Value, boolean) :- memberchk(Value, [true,false]).
value_of_type(Value, oneof(Values)) :- memberchk(Value, Values).
value_of_type(Value, integer) :- integer(Value).
value_of_type(Value, time) :- integer(Value).
value_of_type(Value, float) :- float(Value).

%   The empty list is no atom here, and names that begin with $ are reserved.
plain_atom(Value) :-
    atom(Value),
    \+ sub_atom(Value, 0, _, _, $).
