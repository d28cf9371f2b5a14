"""What is seen in each tissue category: parts, histories, gross descriptions and diagnoses, in a report's
words.
"""

from dataclasses import dataclass

from lims.models import Tissue


@dataclass(frozen=True)
class Finding:
    part: str
    history: str
    gross: str
    diagnosis: str
    comment: str
    sex: str = ""  # the sex it occurs in, or either


FINDINGS: dict[str, tuple[Finding, ...]] = {
    Tissue.BREAST: (
        Finding(
            "Left breast, 2 o’clock, core biopsy",
            "a palpable mass in the left breast and an irregular 1.8 cm density on mammography (BI-RADS 5)",
            "four cores of tan fibrofatty tissue, 0.8 to 1.6 cm long and 0.2 cm across, entirely submitted",
            "Invasive ductal carcinoma, Nottingham grade 2 (tubules 3, nuclei 2, mitoses 1), at least 1.1 cm",
            "Estrogen receptor positive (95 %, strong), progesterone receptor positive (60 %), HER2 "
            "1+ (negative), Ki-67 18 %.",
            "F",
        ),
        Finding(
            "Right breast, lumpectomy",
            "a screening-detected cluster of pleomorphic calcifications in the right breast",
            "an oriented 5.2 × 4.1 × 2.0 cm lumpectomy; a 0.9 cm firm area lies 0.6 cm from the deep margin",
            "Ductal carcinoma in situ, high nuclear grade, with comedonecrosis; margins free by at "
            "least 0.4 cm",
            "No invasion is seen at deeper levels.",
            "F",
        ),
    ),
    Tissue.PROSTATE: (
        Finding(
            "Prostate, right apex, needle biopsy",
            "a PSA of 8.4 ng/ml rising from 5.1 ng/ml and a PI-RADS 4 lesion of the right apex",
            "two white cores, 1.3 and 1.1 cm long, submitted in one cassette",
            "Prostatic adenocarcinoma, Gleason score 3 + 4 = 7 (grade group 2), in 2 of 2 cores, 40 "
            "% of the tissue",
            "Basal cells are absent on p63; AMACR is positive.",
            "M",
        ),
        Finding(
            "Urinary bladder, transurethral resection",
            "painless gross haematuria and a papillary lesion of the left lateral wall at cystoscopy",
            "3.2 g of soft tan papillary fragments, entirely submitted",
            "Papillary urothelial carcinoma, high grade, invading the lamina propria; muscularis "
            "propria is free",
            "Re-resection is advised as muscle is scant.",
        ),
    ),
    Tissue.GASTROINTESTINAL: (
        Finding(
            "Colon, right, polyp, endoscopic biopsy",
            "a positive faecal occult blood test and a 1.4 cm sessile polyp of the ascending colon",
            "three fragments of tan mucosa, 0.3 to 0.6 cm, entirely submitted",
            "Tubulovillous adenoma with low-grade dysplasia; no high-grade dysplasia or carcinoma",
            "Completeness of excision cannot be judged on fragments.",
        ),
        Finding(
            "Stomach, antrum, endoscopic biopsy",
            "four months of epigastric pain with iron deficiency anaemia",
            "two fragments of pink mucosa, 0.4 cm each, entirely submitted",
            "Chronic active gastritis with Helicobacter pylori; no intestinal metaplasia, no dysplasia",
            "Organisms are seen on the special stain.",
        ),
    ),
    Tissue.HEAD_NECK: (
        Finding(
            "Tongue, left lateral border, excision",
            "a non-healing ulcer of the left tongue for three months in a former smoker",
            "a 2.4 × 1.8 × 1.1 cm mucosal excision with a 1.2 cm ulcerated plaque",
            "Invasive squamous cell carcinoma, moderately differentiated, depth of invasion 4 mm; "
            "margins free",
            "Perineural invasion is present; p16 is negative.",
        ),
    ),
    Tissue.PULMONARY: (
        Finding(
            "Lung, right upper lobe, core biopsy",
            "a 2.6 cm spiculated nodule of the right upper lobe found on low-dose CT",
            "three thin tan-grey cores, 0.7 to 1.2 cm long, entirely submitted",
            "Adenocarcinoma, acinar predominant; TTF-1 positive, p40 negative",
            "Molecular studies are under way on the remaining tissue.",
        ),
    ),
    Tissue.ENDOCRINE: (
        Finding(
            "Thyroid, left lobe, lobectomy",
            "a 2.1 cm hypoechoic nodule of the left lobe, cytology Bethesda V",
            "an 18 g lobe, 5.0 × 2.8 × 1.9 cm, with a 2.0 cm white, gritty, ill-defined nodule",
            "Papillary thyroid carcinoma, classic type, 2.0 cm, confined to the thyroid; margins free",
            "No lymphovascular invasion.",
        ),
    ),
    Tissue.MISCELLANEOUS: (
        Finding(
            "Skin, back, shave biopsy",
            "a changing pigmented lesion of the back, present for a year",
            "a 0.9 × 0.7 cm shave of tan skin with a 0.5 cm brown macule, bisected, entirely submitted",
            "Compound melanocytic naevus with mild atypia; margins free",
            "Re-excision is not needed.",
        ),
    ),
}
