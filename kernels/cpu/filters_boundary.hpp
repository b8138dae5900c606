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

// False with an exception set unless all planes have the size of the first.
bool same_size(const Plane* planes, int count);

}  // namespace vsr
