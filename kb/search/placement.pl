:- module(placement,
          [ place_at/4,                 % +Where, +Vms, -Placement, +Options
            evacuate_at/4,              % +Where, +Node, -Placement, +Options
            certificate/4               % +Where, +Placement, -Goal, -Proof
          ]).
:- use_module(library(lists)).
:- use_module(library(apply)).
:- use_module(library(pairs)).
:- use_module(library(option)).
:- use_module(library(error)).
:- use_module(library(clpfd)).
:- use_module(library(time), [call_with_time_limit/2]).
:- use_module('../main').

/** <module> A place for many virtual machines at once

Core rules say whether one machine may run on one node, and can certify a whole placement; they cannot find one. This
searches with CLP(FD), outside core and outside the bundle digest, and gives out nothing that core has not certified:

    $ swipl kb/main.pl
    ?- place([web, database], Placement).           % as if neither had a place yet
    Placement = [database-pve2, web-pve1].
    ?- evacuate(pve1, Placement).                   % what runs on pve1, elsewhere
    ?- place([web], P), placement:certificate(here, P, Goal, Proof).

The sizes, room, pins and affinities are asked from the core rules (resource_free/3, vm_demand/3, ...), so that policy
stands in one place. What was found is assumed, vm_host(Vm, Node) for each, and well_placed/2 of core has to hold for
every machine. A mistake in this file can lose a placement, never give a wrong one.

The model: one variable a group of machines that belong together, its domain the nodes that may take it; #\= between
groups that are kept apart. Room is kept as numbers beside the store: when a node fills up, it leaves the domains of
what no longer fits there. Summing reified booleans for every node and resource instead, as one would write it first,
costs ten times and more (loadtest/site/placement.pl). Fewest nodes left first, then the largest; on the node that
stays the emptiest.

Where is `here`, or at(Site, Now). Errors: `no_placement` says what stands against it, `inference_limit` and
`time_limit` that the search ended before it was found or excluded.
*/

%   How far a search goes: well above what a placement that exists needs (200 machines on 20 nodes: 1 million).
most(inferences, 20_000_000).
most(seconds, 10).

%!  place_at(+Where, +Vms, -Placement, +Options) is det.
%
%   Placement is a list of Vm-Node, one for each of Vms, in standard order; as if none of them had a place yet.
%   Options: inferences(Most) and seconds(Most) of the search.
%
%   @throws logic(no_placement, _), logic(inference_limit, _), logic(time_limit, _)

place_at(Where, Vms, Placement, Options) :-
    must_be(list(atom), Vms),
    site_time(Where, Site, Now),
    placed(Site, Now, Vms, [], Placement, Options).

%!  evacuate_at(+Where, +Node, -Placement, +Options) is det.
%
%   Another place for each machine that is placed on Node.

evacuate_at(Where, Node, Placement, Options) :-
    must_be(atom, Node),
    site_time(Where, Site, Now),
    ask(Site, Now, vm_host(Vm, Node), Vm, Vms),
    placed(Site, Now, Vms, [with(node_maintenance(Node,true))], Placement, Options).

site_time(here, site, Now) :- !, kb:now(Now).
site_time(at(Site, Now), Site, Now).

placed(Site, Now, Vms0, Assumed, Placement, Options) :-
    sort(Vms0, Vms),
    problem(Site, Now, Vms, Assumed, Groups, Nodes),
    bounded(search(Groups, Nodes), Options),
    findall(Vm-Node, ( member(group(At, Members, _), Groups), member(Vm, Members), named_node(Nodes, At, Node) ),
            Placement0),
    sort(Placement0, Placement),
    certified(Site, Now, Placement, Assumed, none).

%!  certificate(+Where, +Placement, -Goal, -Proof) is semidet.
%
%   Proof is the proof, by core clauses, that Goal holds if Placement were so: well_placed/2 of every machine in it.

certificate(Where, Placement, Goal, Proof) :-
    site_time(Where, Site, Now),
    certified(Site, Now, Placement, [], Goal-Proof).

%   The 32 assumptions of a question are a limit of the wire; here they go to the prover directly.
certified(_, _, [], _, _) :- !.
certified(Site, Now, Placement, Assumed0, Certificate) :-
    findall(with(vm_host(Vm,Node)), member(Vm-Node, Placement), Assumed1),
    append(Assumed0, Assumed1, Assumed),
    findall(well_placed(Vm, Node), member(Vm-Node, Placement), Goals),
    conjunction(Goals, Goal),
    (   Certificate == none
    ->  Proof = none
    ;   Certificate = Goal-Proof
    ),
    prove:answers(question(Goal, [], Proof, Assumed), Site, Now, Answers),
    (   Answers = [answer([], Proof0)]
    ->  Proof = Proof0
    ;   logic_errors:refuse(no_placement, ['the core rules do not certify what was found'])
    ).

conjunction([G], G) :- !.
conjunction([G|Gs], (G,Rest)) :- conjunction(Gs, Rest).

                /*******************************
                *      the problem             *
                *******************************/

%   problem(+Site, +Now, +Vms, +Assumed, -Groups, -Nodes): Groups is a list of group(Var, Members,
%   d(Memory,Cores,Disk)), Var a variable over the indices of Nodes, nodes(Name..) beside
%   room(r(Memory,Cores,Disk)..).

problem(Site, Now, Vms, Assumed, Groups, nodes(Names, Room)) :-
    findall(without(vm_host(Vm,Node)), ( member(Vm, Vms), ask(Site, Now, vm_host(Vm,Node), Node, [Node]) ), Lifted),
    append(Lifted, Assumed, All),
    snapshot(( assume:assume_facts(All, Site, Now), read_problem(Site, Now, Vms, Read) )),
    Read = read(NameList, Free, Sizes, Apart, Together, Allowed),
    Names =.. [names|NameList],
    Room =.. [room|Free],
    grouped(Vms, Together, Vars),
    maplist(domain(NameList, Allowed, Vars), Vms),
    separate(Apart, Vars),
    members(Vars, Sizes, Groups),
    maplist(fits_somewhere(Names, Room), Groups),
    enough_room(Groups, Free).

read_problem(Site, Now, Vms, read(Names, Free, Sizes, Apart, Together, Allowed)) :-
    ask(Site, Now, (node_status(Node, up), \+ node_maintenance(Node, true), node_memory(Node, _)), Node, Names),
    ask(Site, Now, resource_free(Name, Resource, Left), Name-Resource-Left, Rooms),
    maplist(room(Rooms), Names, Free),
    findall(Vm-Size, ( member(Vm, Vms), size(Site, Now, Vm, Size) ), Sizes),
    findall(Vm-Other, ( member(Vm, Vms), ask(Site, Now, apart(Vm, Other), Other, Others), member(Other, Others),
                        Vm @< Other, memberchk(Other, Vms) ), Apart),
    findall(Vm-Other, ( member(Vm, Vms), ask(Site, Now, together(Vm, Other), Other, Others), member(Other, Others),
                        memberchk(Other, Vms) ), Together),
    findall(Vm-Condition, ( member(Vm, Vms), condition(Site, Now, Vm, Condition) ), Allowed).

room(Rooms, Name, r(Memory, Cores, Disk)) :-
    maplist(left(Rooms, Name), [memory,cores,disk], [Memory,Cores,Disk]).

%   What is not declared does not limit: more than any machine asks for.
left(Rooms, Name, Resource, Left) :-
    (   memberchk(Name-Resource-Left0, Rooms)
    ->  Left = Left0
    ;   Left is 1<<60
    ).

size(Site, Now, Vm, d(Memory, Cores, Disk)) :-
    ask(Site, Now, vm_demand(Vm, Resource, Demand), Resource-Demand, Demands),
    (   memberchk(memory-Memory, Demands)
    ->  true
    ;   logic_errors:refuse(no_placement, ['the memory of ', Vm, ' is not declared'])
    ),
    ( memberchk(cores-Cores, Demands) -> true ; Cores = 0 ),
    ( memberchk(disk-Disk, Demands) -> true ; Disk = 0 ).

%   Pins, and machines that stay where they are.
condition(Site, Now, Vm, one_of(Nodes)) :-
    ask(Site, Now, pinned(Vm, Node), Node, Nodes),
    Nodes \== [].
condition(Site, Now, Vm, one_of([Node])) :-
    ask(Site, Now, must_join(Vm, _, At), At, Nodes),
    member(Node, Nodes).
condition(Site, Now, Vm, none_of(Nodes)) :-
    ask(Site, Now, must_avoid(Vm, _, Node), Node, Nodes),
    Nodes \== [].

%   ask(+Site, +Now, +Goal, +Template, -Values): the answers of a question, as any caller gets them.
ask(Site, Now, Goal, Template, Values) :-
    term_variables(Template, Vars),
    prove:question(Goal, Vars, none, Question),
    prove:answers(Question, Site, Now, Answers),
    findall(Template, member(answer(Vars, _), Answers), Values).

%   grouped(+Vms, +Together, -Vars): Vm-Var pairs, machines that belong together share theirs.
grouped(Vms, Together, Vars) :-
    pairs_keys(Vars, Vms),
    share_variables(Together, Vars).

share_variables([], _).
share_variables([Vm-Other|Pairs], Vars) :-
    memberchk(Vm-Var, Vars),
    memberchk(Other-Var, Vars),
    share_variables(Pairs, Vars).

domain(Names, Allowed, Vars, Vm) :-
    memberchk(Vm-Var, Vars),
    length(Names, Count),
    findall(I, ( between(1, Count, I), nth1(I, Names, Name),
                 forall(member(Vm-Condition, Allowed), allowed(Condition, Name)) ), Indices),
    (   Indices == []
    ->  logic_errors:refuse(no_placement, ['no node that is up may take ', Vm])
    ;   foldl(or_index, Indices, none, Domain),
        Var in Domain
    ->  true
    ;   logic_errors:refuse(no_placement, ['no node may take ', Vm, ' together with what it belongs with'])
    ).

or_index(I, none, I) :- !.
or_index(I, Domain, Domain \/ I).

allowed(one_of(Nodes), Name) :- memberchk(Name, Nodes).
allowed(none_of(Nodes), Name) :- \+ memberchk(Name, Nodes).

separate([], _).
separate([Vm-Other|Pairs], Vars) :-
    memberchk(Vm-Var, Vars),
    memberchk(Other-OtherVar, Vars),
    (   Var \== OtherVar, Var #\= OtherVar
    ->  separate(Pairs, Vars)
    ;   logic_errors:refuse(no_placement, [Vm, ' and ', Other, ' must be apart and cannot be'])
    ).

%   members(+Vars, +Sizes, -Groups): the machines by variable, their sizes summed. A variable with a value groups by
%   itself.
members([], _, []).
members([Vm-Var|Vars], Sizes, [group(Var, [Vm|Others], Size)|Groups]) :-
    (   var(Var)
    ->  partition(shares(Var), Vars, Same, Rest),
        pairs_keys(Same, Others)
    ;   Others = [], Rest = Vars
    ),
    findall(One, ( member(Member, [Vm|Others]), memberchk(Member-One, Sizes) ), Ones),
    foldl(plus_size, Ones, d(0,0,0), Size),
    members(Rest, Sizes, Groups).

shares(Var, _-Other) :- Var == Other.

plus_size(d(M1,C1,D1), d(M2,C2,D2), d(M,C,D)) :-
    M is M1+M2, C is C1+C2, D is D1+D2.

fits_somewhere(Names, Room, group(Var, [Vm|_], Size)) :-
    functor(Names, _, Count),
    findall(I, ( between(1, Count, I), arg(I, Room, Left), \+ fits(Size, Left) ), Full),
    (   leave_all(Full, Var)
    ->  true
    ;   logic_errors:refuse(no_placement, ['no node that may take ', Vm, ' has room for it, even alone'])
    ).

leave_all([], _).
leave_all([I|Is], Var) :-
    leave(Var, I),
    leave_all(Is, Var).

enough_room(Groups, Free) :-
    foldl(group_size, Groups, d(0,0,0), d(M,C,D)),
    foldl(plus_room, Free, r(0,0,0), r(FM,FC,FD)),
    enough(memory, M, FM),
    enough(cores, C, FC),
    enough(disk, D, FD).

group_size(group(_, _, Size), Sum0, Sum) :- plus_size(Size, Sum0, Sum).

plus_room(r(M1,C1,D1), r(M2,C2,D2), r(M,C,D)) :-
    M is max(0, M1)+M2, C is max(0, C1)+C2, D is max(0, D1)+D2.

enough(Resource, Asked, Left) :-
    (   Asked =< Left
    ->  true
    ;   logic_errors:refuse(no_placement,
                            ['not enough ', Resource, ': ', Asked, ' is needed, all nodes together have ', Left])
    ).

named_node(nodes(Names, _), I, Name) :- arg(I, Names, Name).

                /*******************************
                *      the search              *
                *******************************/

:- meta_predicate bounded(0, +).

bounded(Search, Options) :-
    most(inferences, Inferences0),
    most(seconds, Seconds0),
    option(inferences(Inferences), Options, Inferences0),
    option(seconds(Seconds), Options, Seconds0),
    (   catch(call_with_time_limit(Seconds, call_with_inference_limit(Search, Inferences, Result)),
              time_limit_exceeded, Late = true)
    ->  true
    ;   logic_errors:refuse(no_placement, ['every combination was tried: none keeps to the room and the affinities'])
    ),
    (   Late == true
    ->  logic_errors:refuse(time_limit,
                            ['the search for a placement stopped after ', Seconds, ' s: neither found nor excluded'])
    ;   Result == inference_limit_exceeded
    ->  logic_errors:refuse(inference_limit,
                            ['the search for a placement stopped after ', Inferences,
                             ' inferences: neither found nor excluded'])
    ;   true
    ).

search(Groups, nodes(_, Room0)) :-
    duplicate_term(Room0, Room),
    largest_first(Groups, Room, Sorted),
    assign(Sorted, Room).

%   The share of all room that a group takes, in the resource that it takes most of; largest first.
largest_first(Groups, Room, Sorted) :-
    Room =.. [_|Free],
    foldl(plus_room, Free, r(0,0,0), All),
    maplist(by_share(All), Groups, Shares),
    sort(1, @>=, Shares, Ordered),
    pairs_values(Ordered, Sorted).

by_share(All, Group, Share-Group) :-
    Group = group(_, _, Size),
    share(Size, All, Share).

share(d(M,C,D), r(RM,RC,RD), Share) :-
    Share is max(max(M*1.0/max(1, RM), C*1.0/max(1, RC)), D*1.0/max(1, RD)).

%   assign(+Groups, +Room): Room is changed by setarg/3, which backtracks.
assign([], _).
assign([Group|Groups], Room) :-
    narrowest(Groups, Group, group(Var, _, Size), Rest),
    findall(Share-I, ( domain_index(Var, I), arg(I, Room, Left), fits(Size, Left), share(Size, Left, Share) ),
            Candidates0),
    keysort(Candidates0, Candidates),
    member(_-I, Candidates),
    Var = I,
    take(Room, I, Size, Left),
    leave_full(Rest, I, Left),
    assign(Rest, Room).

%   narrowest(+Groups, +First, -Narrowest, -Rest): the group with the fewest nodes left; of a tie the first, the
%   largest.
narrowest(Groups, First, Narrowest, Rest) :-
    width(First, Width),
    narrower(Groups, Width, First, Narrowest),
    without(Narrowest, [First|Groups], Rest).

narrower([], _, Narrowest, Narrowest).
narrower([Group|Groups], Width0, Narrowest0, Narrowest) :-
    width(Group, Width),
    (   Width < Width0
    ->  narrower(Groups, Width, Group, Narrowest)
    ;   narrower(Groups, Width0, Narrowest0, Narrowest)
    ).

width(group(Var, _, _), Width) :- fd_size(Var, Width).

%   By the first of its members: variables would be unified otherwise.
without(group(_, [Vm|_], _), Groups, Rest) :-
    append(Front, [group(_, [Vm0|_], _)|Back], Groups),
    Vm0 == Vm,
    !,
    append(Front, Back, Rest).

domain_index(Var, I) :-
    fd_dom(Var, Domain),
    in_domain(Domain, I).

in_domain(A \/ B, I) :- !, ( in_domain(A, I) ; in_domain(B, I) ).
in_domain(A..B, I) :- !, between(A, B, I).
in_domain(I, I).

fits(d(M,C,D), r(LM,LC,LD)) :- M =< LM, C =< LC, D =< LD.

take(Room, I, d(M,C,D), Left) :-
    arg(I, Room, r(M0,C0,D0)),
    M1 is M0-M, C1 is C0-C, D1 is D0-D,
    Left = r(M1,C1,D1),
    setarg(I, Room, Left).

%   Node I leaves the domain of each group that does not fit there any more.
leave_full([], _, _).
leave_full([group(Var, _, Size)|Groups], I, Left) :-
    (   fits(Size, Left)
    ->  true
    ;   leave(Var, I)
    ),
    leave_full(Groups, I, Left).

leave(Var, I) :- integer(Var), !, Var =\= I.
leave(Var, I) :- Var #\= I.
