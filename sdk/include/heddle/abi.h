/* The whole C ABI of Heddle. C authors include this; C++ authors include <heddle/plugin.hpp>. */
#ifndef HEDDLE_ABI_H
#define HEDDLE_ABI_H
#include "abi/plugin.h"
#endif
