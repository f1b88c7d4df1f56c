:- use_module('../test/world').
:- use_module(library(lists)).

/** <tests> Lemmas: derived once in a question, never across questions, and proved like everything else. */

:- begin_tests(lemma).

levels(Site, Ask, Levels) :-
    ( Ask = assuming(_, Goal) -> true ; Ask = Goal ),
    Goal = boot_level(U,L),
    prove:question(Ask, [U,L], none, Question),
    prove:answers(Question, Site, 1500000, Answers),
    findall(U-L, member(answer([U,L], _), Answers), Levels).

test(the_next_question_sees_the_change, Before-After == [a-0,b-1]-[a-0,b-0]) :-
    world([node(a), node(b), depends_on(b,a)], W),
    levels(W, boot_level(_,_), Before),
    facts:remove_fact(W, depends_on(b,a)),
    levels(W, boot_level(_,_), After).
test(an_assumption_leaves_no_lemma_behind, [L1,L2,L3] == [[a-0,b-0],[a-0,b-1],[a-0,b-0]]) :-
    world([node(a), node(b)], W),
    levels(W, boot_level(_,_), L1),
    levels(W, assuming([depends_on(b,a)], boot_level(_,_)), L2),
    levels(W, boot_level(_,_), L3).
test(a_question_that_was_cut_off_leaves_none_either, L == [a-0]) :-
    world([node(a), vm(v), vm_home(v,a)], W0),
    call_with_inference_limit(levels(W0, boot_level(_,_), _), 300, inference_limit_exceeded),
    world([node(a)], W),
    levels(W, boot_level(_,_), L).
test(two_threads_do_not_share_them, L1-L2 == [a-0,b-1]-[a-0,b-0]) :-
    world([node(a), node(b), depends_on(b,a)], W1),
    world([node(a), node(b)], W2),
    thread_self(Me),
    thread_create(( levels(W2, boot_level(_,_), L), thread_send_message(Me, levels(L)) ), Thread),
    levels(W1, boot_level(_,_), L1),
    thread_get_message(levels(L2)),
    thread_join(Thread).
test(a_lemma_that_is_used_twice_stands_once_in_a_proof, Count == 1) :-
    world([node(a), vm(v), vm(w), vm(x), depends_on(v,a), depends_on(w,a), depends_on(x,v), depends_on(x,w)], W),
    prove:question(boot_level(x,L), [L], proof, Question),
    prove:answers(Question, W, 1500000, [answer([2], Proof)]),
    aggregate_all(count, member(step(_, rule(_, boot_height(a,0), _)), Proof), Count).
test(the_same_facts_in_another_order_give_the_same_proof, P1 == P2) :-
    Facts = [node(a), node(b), vm(v), depends_on(v,a), depends_on(v,b), depends_on(b,a)],
    reverse(Facts, Reversed),
    world(Facts, W1), world(Reversed, W2),
    prove:question(boot_level(U,L), [U,L], proof, Question),
    prove:answers(Question, W1, 1500000, P1),
    prove:answers(Question, W2, 1500000, P2).
test(too_many_are_refused, error(logic(memory_limit, _), _)) :-
    layers(9, 12, Facts),
    world(Facts, W),
    prove:question(needs_within(A,B,C), [A,B,C], none, Question),
    prove:answers(Question, W, 1500000, _).

:- end_tests(lemma).
