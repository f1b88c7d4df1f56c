:- module(logic_errors,
          [ refuse/2                    % +Code, +Parts
          ]).

/** <module> The errors of the logic layer

Everything that the logic layer refuses is thrown as `error(logic(Code, Message), _)`. Code is one of
the codes of `shared/src/errors.ts`; Message is a string put together from atomic parts here.
No term that came from outside is ever given to format/2, print_message/2 or message_to_string/2
(SHARP-EDGES, "The Pengine door"): callers name functor and arity, never the term.
*/

%!  refuse(+Code, +Parts) is erroneous.
%
%   Throw the error Code, its message the concatenation of the atomic Parts.

refuse(Code, Parts) :-
    atomic_list_concat(Parts, Text),
    atom_string(Text, Message),
    throw(error(logic(Code, Message), _)).

:- multifile prolog:error_message//1.

prolog:error_message(logic(Code, Message)) -->
    [ '~a: ~s'-[Code, Codes] ],
    { string_codes(Message, Codes) }.
