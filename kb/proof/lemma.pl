:- module(lemma,
          [ lemma/3,                    % +Atom, :Twin, ?Tree
            lemma_tree/2,               % +Fact, -Tree
            begin_lemmas/1,             % +Proofs
            without_proofs/0,
            forget_lemmas/0
          ]).
:- use_module(library(lists)).
:- use_module(errors).
:- use_module(unfold).

/** <module> Lemmas: what was derived once in a question is not derived again

A derived predicate that the catalogue declares with `lemma(true)` is derived once for each way it is called in a
question; later calls take the answers from here. Without this a recursion over a graph (boot order) walks every path
of it, and there are exponentially many. It changes what an answer costs, never what it is.

    :- catalogue(boot_height(unit:atom, height:integer), [ kind(derived), lemma(true), doc("...") ]).

A proof tree names a lemma by lemma(Fact), and the witness of Fact is kept once (unfold.pl), so that neither a tree in memory nor the
work of writing it grows with the number of ways to it. Witnesses are kept only where the question wants proofs.

Lemmas belong to one question in one thread: kept in a trie of the thread, forgotten when the next question begins
(SHARP-EDGES 2: nothing that can reach a state or assumed fact is kept across questions). There is no cycle detection:
a recursion must descend a rank, as everywhere in core.
*/

%   Calls and answers kept for one question. About 200 bytes each, outside the stack and so not under its limit.
most_kept(200_000).

%!  lemma(+Atom, :Twin, ?Witness) is nondet.
%
%   Solve Atom by Twin, its twin, which shares Atom's variables and binds Witness.
%
%   @throws logic(memory_limit, _)

:- meta_predicate lemma(+, 0, ?).

lemma(Atom, Twin, Witness) :-
    kept(Trie),
    term_variables(Atom, Vars),
    (   trie_lookup(Trie, Atom, Answers)
    ->  true
    ;   without_proofs
    ->  findall(Vars, Twin, Answers0),
        sort(Answers0, Answers),
        kept_answers(Trie, Atom, Answers)
    ;   findall(Vars-Witness, Twin, Pairs0),
        first_proofs(Pairs0, fact_tree(Vars-Atom), Pairs),
        keep_witnesses(Pairs, Trie, Vars-Atom, Answers),
        kept_answers(Trie, Atom, Answers)
    ),
    member(Vars, Answers).

fact_tree(Template, Values-Witness, Tree) :-
    copy_term(Template, Values-Fact),
    witnessed(Fact, Witness, Call),
    call_tree(Call, Tree).

kept_answers(Trie, Atom, Answers) :-
    length(Answers, Count),
    within_limit(Count),
    trie_insert(Trie, Atom, Answers).

%   keep_witnesses(+Pairs, +Trie, +Template, -Answers): Answers are the keys of Pairs. A fact that was found by a call with other
%   arguments has its witness already: the same, as all its proofs were found then.
keep_witnesses([], _, _, []).
keep_witnesses([Values-Witness|Pairs], Trie, Template, [Values|Answers]) :-
    copy_term(Template, Values-Fact),
    (   trie_lookup(Trie, proof_of(Fact), _)
    ->  true
    ;   trie_insert(Trie, proof_of(Fact), Witness)
    ),
    keep_witnesses(Pairs, Trie, Template, Answers).

within_limit(Count) :-
    counted(Count, Total),
    most_kept(Most),
    (   Total =< Most
    ->  true
    ;   refuse(memory_limit, ['stopped at ', Most, ' intermediate results'])
    ).

counted(Count, Total) :-
    nb_getval(kb_lemma_count, Before),
    Total is Before+Count+1,
    nb_setval(kb_lemma_count, Total).

kept(Trie) :-
    (   nb_current(kb_lemmas, Trie0), Trie0 \== none
    ->  Trie = Trie0
    ;   trie_new(Trie),
        nb_setval(kb_lemmas, Trie),
        nb_setval(kb_lemma_count, 0)
    ).

%!  lemma_tree(+Fact, -Tree) is semidet.
%
%   The proof tree of the ground lemma Fact. It is made once: the proofs of many answers may rest on it.

lemma_tree(Fact, Tree) :-
    nb_current(kb_lemmas, Trie),
    (   trie_lookup(Trie, tree_of(Fact), Tree0)
    ->  Tree = Tree0
    ;   trie_lookup(Trie, proof_of(Fact), Witness),
        witnessed(Fact, Witness, Call),
        call_tree(Call, Tree),
        trie_insert(Trie, tree_of(Fact), Tree)
    ).

%!  begin_lemmas(+Proofs) is det.
%
%   At the start of each question: Proofs is `none` where it wants none. One that was cut off by a limit has left its
%   lemmas.

begin_lemmas(Proofs) :-
    forget_lemmas,
    nb_setval(kb_lemma_proofs, Proofs).

%!  without_proofs is semidet.
%
%   The question wants no proofs: no witness need be kept.

without_proofs :-
    nb_current(kb_lemma_proofs, none).

%!  forget_lemmas is det.

forget_lemmas :-
    (   nb_current(kb_lemmas, Trie), Trie \== none
    ->  nb_setval(kb_lemmas, none),
        trie_destroy(Trie)
    ;   true
    ).
