/*
 * What the readers of a story share: a line as words, and a cursor over them that remembers the
 * first error. After an error every read fails, so that a statement reads like its grammar.
 */
#ifndef SIM_STORY_READ_H
#define SIM_STORY_READ_H

#include "sim/story.h"

enum { READ_WORDS_MAX = 64 };

struct story_reader {
    struct story *story;
    uint32_t line;
    size_t count;
    size_t at;
    char words[READ_WORDS_MAX][STORY_WORD_SIZE];
    int64_t now; /* of the last `at`: what `within` counts from */
    bool roster_given;
    bool failed;
    char error[STORY_ERROR_SIZE];
};

/* Notes an error at the word that is next, or at the end of the line. Always false. */
bool read_error(struct story_reader *r, const char *format, ...)
    __attribute__((format(printf, 2, 3)));
/* The next word, or "" at the end of the line. */
const char *read_peek(const struct story_reader *r);
const char *read_next(struct story_reader *r);
bool read_end(const struct story_reader *r);
/* Takes this word if it is next. */
bool read_try(struct story_reader *r, const char *word);
/* Takes this word, or notes that it is missing. */
bool read_need(struct story_reader *r, const char *word);
/* "500us", "20ms", "1.5s", "2min" to ns, 0 to an hour. */
int64_t read_span(struct story_reader *r);
int64_t read_ttl(struct story_reader *r); /* the same within what `expire` allows */
/* Whether the next word is a span. */
bool read_is_span(const struct story_reader *r);
struct range read_range(struct story_reader *r); /* "1s..3s", or "2s" */
uint32_t read_permille(struct story_reader *r);  /* "2.5%" */
uint64_t read_number(struct story_reader *r, uint64_t low, uint64_t high);
/* Nodes, racks, `all` or `the rest`, with "and" or commas between them: bits. */
uint32_t read_group(struct story_reader *r);
uint32_t read_node(struct story_reader *r); /* one machine's bit */
uint16_t read_name(struct story_reader *r); /* of a lock; a new one is added */
/* Bits of a word that is a node or a rack; 0 if it is none. */
uint32_t read_find(const struct story *s, const char *word);
uint32_t read_all(const struct story *s);

/* story_words.c: the rest of a line behind `at T`, but `expect`. */
void story_read_act(struct story_reader *r, int64_t at);
/* story_expect.c: the rest of a line behind `expect`; `at`: the line said when. */
void story_read_expect(struct story_reader *r, bool at);
/* story_world.c: a line that says what there is. False: it begins with no word that is known. */
bool story_read_world(struct story_reader *r);

#endif
