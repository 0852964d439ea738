// Functions of sixteen numbers at a time, for AVX-512.

#pragma once

#include <immintrin.h>

#include <algorithm>

namespace {

// e^x with a relative error of about 1e-7: x = n ln 2 + f, and a polynomial for e^f.
inline __m512 exponential(__m512 x) {
  x = _mm512_min_ps(_mm512_max_ps(x, _mm512_set1_ps(-87.0f)), _mm512_set1_ps(88.0f));
  const __m512 n = _mm512_roundscale_ps(_mm512_mul_ps(x, _mm512_set1_ps(1.44269504f)), 0);
  // ln 2 in two parts, the first of few digits, so that the product is exact.
  const __m512 f = _mm512_fnmadd_ps(n, _mm512_set1_ps(-2.12194440e-4f), _mm512_fnmadd_ps(n, _mm512_set1_ps(0.693359375f), x));
  __m512 sum = _mm512_set1_ps(1.0f / 5040);
  for (float term : {1.0f / 720, 1.0f / 120, 1.0f / 24, 1.0f / 6, 0.5f, 1.0f, 1.0f}) {
    sum = _mm512_fmadd_ps(sum, f, _mm512_set1_ps(term));
  }
  return _mm512_scalef_ps(sum, n);
}

inline __m512 sigmoid(__m512 x) {
  const __m512 one = _mm512_set1_ps(1);
  return _mm512_div_ps(one, _mm512_add_ps(one, exponential(_mm512_sub_ps(_mm512_setzero_ps(), x))));
}

inline __m512 hyperbolic_tangent(__m512 x) {
  return _mm512_fmsub_ps(_mm512_set1_ps(2), sigmoid(_mm512_add_ps(x, x)), _mm512_set1_ps(1));
}

// e^(x - the largest x) of n numbers, each to its own place in `found`; returns their sum.
inline float exponentials(const float *x, int n, float most, float *found) {
  __m512 sum = _mm512_setzero_ps();
  for (int k = 0; k < n; k += 16) {
    const __mmask16 some = n - k < 16 ? (1u << (n - k)) - 1 : 0xFFFF;
    const __m512 one = exponential(_mm512_sub_ps(_mm512_maskz_loadu_ps(some, x + k), _mm512_set1_ps(most)));
    _mm512_mask_storeu_ps(found + k, some, one);
    sum = _mm512_mask_add_ps(sum, some, sum, one);
  }
  return _mm512_reduce_add_ps(sum);
}

}  // namespace
