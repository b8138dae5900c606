"""What Anime4K's files without a network make of a small picture: numbers, no text of theirs."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True)
class Golden:
    """A file's filters with their numbers, the (width, height) of its result, and nine values of that."""

    stages: tuple[tuple[str, Mapping[str, tuple[float, ...]]], ...]
    size: tuple[int, int]
    values: tuple[float, ...]


GOLDEN = {
    "AutoDownscalePre_x2": Golden(
        (("resample", {}),),
        (37, 30),
        (0.1435048, 0.6128856, 0.3055182, 0.5161667, 0.4091667, 0.6691666, 0.5414771, 0.5767628, 0.3450326),
    ),
    "AutoDownscalePre_x4": Golden(
        (("resample", {}),),
        (38, 32),
        (0.1181905, 0.6143538, 0.4419179, 0.5135937, 0.4337253, 0.7829687, 0.5421574, 0.5743082, 0.3092680),
    ),
    "Clamp_Highlights": Golden(
        (("clamp_highlights", {"kernelsize": (5.0, 5.0), "kernelhalfsize": (2.0, 2.0)}),),
        (46, 38),
        (0.0830693, 0.6925743, 0.3166535, 0.5620000, 0.3460000, 0.7300000, 0.5951485, 0.6324555, 0.2554653),
    ),
    "Darken_Fast": Golden(
        (("darken_fast", {"spatial_sigma": (40.0, 20.0, 20.0, 20.0), "strength": (1.5,)}),),
        (23, 19),
        (0.0288958, 0.5963786, 0.2931673, 0.5091806, 0.3009576, 0.6495060, 0.5375105, 0.5538959, 0.2497269),
    ),
    "Darken_HQ": Golden(
        (("darken_hq", {"spatial_sigma": (40.0, 40.0, 40.0, 40.0), "strength": (1.5,)}),),
        (23, 19),
        (0.0295820, 0.5970828, 0.2157220, 0.4792120, 0.2556340, 0.6119600, 0.4867089, 0.5499126, 0.2007421),
    ),
    "Darken_VeryFast": Golden(
        (("darken_veryfast", {"spatial_sigma": (20.0, 10.0, 10.0, 10.0), "strength": (1.5,)}),),
        (23, 19),
        (0.1097126, 0.6185461, 0.3036251, 0.5099625, 0.3291279, 0.6495424, 0.5375928, 0.5677426, 0.2544646),
    ),
    "Deblur_DoG": Golden(
        (
            (
                "deblur_dog",
                {
                    "strength": (0.6,),
                    "blur_curve": (0.6,),
                    "blur_threshold": (0.1,),
                    "noise_threshold": (0.001,),
                },
            ),
        ),
        (23, 19),
        (0.1053142, 0.6095350, 0.2946296, 0.5044231, 0.3206411, 0.6462180, 0.5376238, 0.5780718, 0.2489775),
    ),
    "Deblur_Original": Golden(
        (("deblur_original", {"refine_strength": (1.0,), "refine_bias": (0.0,)}),),
        (23, 19),
        (0.2114191, 0.6117873, 0.3816520, 0.5327493, 0.4105813, 0.6794434, 0.5770642, 0.5448149, 0.2935949),
    ),
    "Denoise_Bilateral_Mean": Golden(
        (
            (
                "denoise_bilateral_mean",
                {"intensity_sigma": (0.1,), "spatial_sigma": (1.0,), "intensity_power_curve": (1.0,)},
            ),
        ),
        (23, 19),
        (0.1108102, 0.6106083, 0.3100603, 0.5104340, 0.3273898, 0.6515015, 0.5540480, 0.5722475, 0.2622212),
    ),
    "Denoise_Bilateral_Median": Golden(
        (
            (
                "denoise_bilateral_median",
                {
                    "intensity_sigma": (0.1,),
                    "spatial_sigma": (1.0,),
                    "histogram_regularization": (0.0,),
                    "intensity_power_curve": (1.0,),
                },
            ),
        ),
        (23, 19),
        (0.1108911, 0.6106931, 0.3055446, 0.5000000, 0.3300000, 0.6500000, 0.5495049, 0.5687129, 0.3210891),
    ),
    "Denoise_Bilateral_Mode": Golden(
        (
            (
                "denoise_bilateral_mode",
                {
                    "intensity_sigma": (0.1,),
                    "spatial_sigma": (1.0,),
                    "histogram_regularization": (0.2,),
                    "intensity_power_curve": (1.0,),
                },
            ),
        ),
        (23, 19),
        (0.1108911, 0.6069307, 0.3055446, 0.5100000, 0.3400000, 0.6500000, 0.5495049, 0.5687129, 0.2545545),
    ),
    "Thin_Fast": Golden(
        (("thin_fast", {"spatial_sigma": (40.0, 40.0), "strength": (30.0,), "iterations": (2.0,)}),),
        (23, 19),
        (0.2266328, 0.6161165, 0.3076518, 0.5125450, 0.3239823, 0.6557182, 0.5412175, 0.4857415, 0.3562601),
    ),
    "Thin_HQ": Golden(
        (("thin_hq", {"spatial_sigma": (80.0, 80.0), "strength": (30.0,), "iterations": (2.0,)}),),
        (23, 19),
        (0.2443444, 0.6105693, 0.3082127, 0.5114781, 0.3980728, 0.6578827, 0.5410826, 0.5785901, 0.2946669),
    ),
    "Thin_VeryFast": Golden(
        (("thin_veryfast", {"spatial_sigma": (20.0, 20.0), "strength": (30.0,), "iterations": (2.0,)}),),
        (23, 19),
        (0.1419397, 0.6183653, 0.3697208, 0.5092090, 0.3968934, 0.6535627, 0.6493187, 0.5742391, 0.3159611),
    ),
    "Upscale_DTD_x2": Golden(
        (
            ("upscale_dtd_darken", {"sigma": (40.0, 40.0, 16.0, 16.0), "strength": (1.8,)}),
            (
                "upscale_dtd_thin",
                {
                    "sigma": (80.0, 80.0),
                    "strength": (30.0, 0.5),
                    "iterations": (2.0,),
                    "blur_curve": (0.8,),
                    "blur_threshold": (0.1,),
                    "noise_threshold": (0.004,),
                },
            ),
        ),
        (46, 38),
        (0.1867021, 0.6228638, 0.1538682, 0.4954697, 0.3525362, 0.5943861, 0.4585919, 0.5909134, 0.1898888),
    ),
    "Upscale_Deblur_DoG_x2": Golden(
        (
            (
                "upscale_deblur_dog",
                {
                    "strength": (0.6,),
                    "blur_curve": (0.6,),
                    "blur_threshold": (0.1,),
                    "noise_threshold": (0.001,),
                },
            ),
        ),
        (46, 38),
        (0.1124423, 0.6066997, 0.3800412, 0.5132571, 0.3832462, 0.7283800, 0.4993738, 0.6266772, 0.2985182),
    ),
    "Upscale_Deblur_Original_x2": Golden(
        (("upscale_original", {"refine_strength": (1.0,), "refine_bias": (0.0,)}),),
        (46, 38),
        (0.2084136, 0.6096495, 0.4153094, 0.5280645, 0.4283693, 0.7051669, 0.5524997, 0.5542349, 0.2763120),
    ),
    "Upscale_DoG_x2": Golden(
        (("upscale_dog", {"strength": (0.8,)}),),
        (46, 38),
        (0.1124423, 0.6066997, 0.3906787, 0.5135095, 0.3941080, 0.7179229, 0.5002145, 0.6266772, 0.3068063),
    ),
    "Upscale_Original_x2": Golden(
        (("upscale_original", {"refine_strength": (0.5,), "refine_bias": (0.0,)}),),
        (46, 38),
        (0.1854692, 0.6130178, 0.4178899, 0.5202823, 0.4254346, 0.7063335, 0.5465469, 0.5633860, 0.2945329),
    ),
}
"""By tests/nets/glsl_machine.py in float64, from test_glsl_filters.picture() and the files, widened."""
