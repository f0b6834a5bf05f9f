/*
 * Random numbers that are the same everywhere: xoshiro256++ and draws made
 * from +, -, *, / and sqrt only, which IEEE 754 rounds exactly. The C
 * library's exp and log differ between machines, so the model has its own.
 */
#ifndef SEEP_SIM_RANDOM_PRIVATE_H
#define SEEP_SIM_RANDOM_PRIVATE_H

#include <stdint.h>

struct sim_random {
    uint64_t s[4];
};

/* A stream of its own for each `name` of a `seed`. */
void sim_random_init(struct sim_random *r, uint64_t seed, const char *name);

uint64_t sim_random_u64(struct sim_random *r);
double sim_random_unit(struct sim_random *r);                /* [0, 1) */
uint64_t sim_random_below(struct sim_random *r, uint64_t n); /* 0 for n = 0 */
double sim_random_exponential(struct sim_random *r, double mean);
double sim_random_normal(struct sim_random *r); /* mean 0, deviation 1 */

/* Counts. Above a mean of 60 they are rounded from a normal with the skew
   put right (Cornish-Fisher), which is off by less than 0.1 % of a
   deviation. */
uint64_t sim_random_poisson(struct sim_random *r, double mean);
uint64_t sim_random_binomial(struct sim_random *r, uint64_t n, double p);
/* Marked ones among `drawn` taken from `n` of which `marked` are. */
uint64_t sim_random_hypergeometric(struct sim_random *r, uint64_t n,
                                   uint64_t marked, uint64_t drawn);

double sim_exp(double x);
double sim_log(double x); /* x > 0 */
double sim_sin(double x); /* |x| below a million */

/* A number from text that never changes: names of streams, addresses. */
uint64_t sim_hash(const char *text);
uint64_t sim_mix(uint64_t a, uint64_t b);

#endif
