:- module(world,
          [ world/2,                    % +Facts, -Site
            random_world/2,             % +Seed, -Site
            layers/3,                   % +Layers, +Width, -Facts
            proved/4,                   % +Site, +Now, +Goal, -Instances
            refused/2                   % +Goal, -Code
          ]).
:- use_module(library(lists)).
:- use_module(library(apply)).
:- use_module(library(gensym)).
:- use_module(library(random)).
:- use_module('../main').

/** <module> Small worlds for tests

A world is a site of its own with just the facts of one test. Inventory facts stand as they are; a state fact gets fresh
evidence (valid from 1000000 to 2000000, so a test asks at 1500000), or `stale(Fact)` evidence that ended at 1000000.

    ?- world([node(a), node_up(a, true)], Site), proved(Site, 1500000, node_status(_, _), Answers).
*/

%!  world(+Facts, -Site) is det.

world(Facts, Site) :-
    gensym(world_, Site),
    facts:open_site(Site),
    maplist(add(Site), Facts).

add(Site, stale(Fact)) :-
    !,
    facts:check_fact(Fact, state),
    facts:put_fact(Site, Fact, evidence(test, 500000, 1000000)).
add(Site, Fact) :-
    facts:check_fact(Fact, Kind),
    (   Kind == state
    ->  facts:put_fact(Site, Fact, evidence(test, 1000000, 2000000))
    ;   facts:put_fact(Site, Fact, inventory)
    ).

%!  random_world(+Seed, -Site) is det.
%
%   Up to six facts of every predicate, among few names, so that rules meet, fail and agree in many ways; some stale.

random_world(Seed, Site) :-
    set_random(seed(Seed)),
    world([], Site),
    forall(( catalogue:entry(Name, _, entry(Kind, Arguments, _, _, _, _)), memberchk(Kind, [state,inventory]),
             random_between(0, 6, Count), between(1, Count, _) ),
           ( maplist(random_argument, Arguments, Values),
             Fact =.. [Name|Values],
             random_evidence(Kind, Evidence),
             facts:put_fact(Site, Fact, Evidence) )).

random_argument(argument(Name, Type, _, _), Value) :-
    once(values(Type, Name, Values)),
    random_member(Value, Values).

values(oneof(Values), _, Values).
values(boolean, _, [true,false]).
values(integer, _, [0,1,2,4,64,1000]).
values(time, _, [1400000,1500000,1600000]).
values(float, _, [0.5,45.0,76.5,81.0,90.0,96.5]).
values(atom, node, [a,b,c,d]).
values(atom, vm, [v,w,x]).
values(atom, cluster, [k,l]).
values(atom, zone, [z,y]).
values(atom, _, [a,b,v,w,k,z,u]).

random_evidence(inventory, inventory).
random_evidence(state, Evidence) :-
    random_member(Evidence, [evidence(test,1000000,2000000), evidence(other,1100000,2000000), evidence(old,500000,1000000)]).

%!  layers(+Layers, +Width, -Facts) is det.
%
%   Facts are Layers of Width nodes u_Layer_I, each of which depends on all of the layer below: Width to the power of
%   Layers paths.

layers(Layers, Width, Facts) :-
    findall(Fact, ( between(1, Layers, L), between(1, Width, I), unit(L, I, U),
                    ( Fact = node(U) ; L > 1, M is L-1, between(1, Width, J), unit(M, J, V), Fact = depends_on(U,V) ) ), Facts).

unit(L, I, U) :- atomic_list_concat([u,L,I], '_', U).

%!  proved(+Site, +Now, +Goal, -Instances) is det.
%
%   Instances of Goal in the order of its answers. Each came with a proof, and the checker accepted it.

proved(Site, Now, Goal, Instances) :-
    language:local_variables(Goal, Vars),
    prove:question(Goal, Vars, proof, Question),
    prove:answers(Question, Site, Now, Answers),
    maplist(checked(Question, Now, Goal-Vars), Answers, Instances).

checked(Question, Now, Goal-Vars, answer(Values, Proof), Instance) :-
    proof_check:check_proof(Proof, Question, Values, [now(Now)]),
    copy_term(Goal-Vars, Instance-Values).

%!  refused(+Goal, -Code) is semidet.
%
%   Checking Goal as a question throws Code.

refused(Goal, Code) :-
    language:local_variables(Goal, Vars),
    catch(( prove:question(Goal, Vars, none, _), fail ), error(logic(Code, _), _), true).
