// Python objects into the jobs of filters.hpp, checked as in boundary.hpp.
#pragma once
#include "boundary.hpp"
#include "filter_jobs.hpp"

namespace vsr {

// Planes of float32, held for as long as this lives.
class HeldFloats {
public:
    // The next plane, or one without data with a Python exception set.
    Plane take(PyObject* object, bool writable);

private:
    HeldPlane planes_[kFilterInputs + kFilterOutputs];
    int count_ = 0;
};

// False with an exception set unless the tuples of (plane, columns, rows) and of planes are those of the point.
bool point_job(const char* point, PyObject* inputs, PyObject* outputs, PyObject* factors, HeldFloats& held,
               PointJob& job);

// The same for two steers, as inputs of a pass, and three planes in and out, all of which have one size each.
bool warp_job(PyObject* steers, PyObject* inputs, PyObject* outputs, HeldFloats& held, WarpJob& job);

// The same for three planes in and out of one size, (2 radius + 1)^2 weights, and sigma, curve, regularization.
bool bilateral_job(const char* kind, PyObject* inputs, PyObject* outputs, PyObject* spatial, PyObject* factors,
                   HeldFloats& held, BilateralJob& job);

// False with an exception set unless all planes have the size of the first.
bool same_size(const Plane* planes, int count);

}  // namespace vsr
