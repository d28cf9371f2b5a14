"""Common given names, institutions and towns of the United States. Words that reports use otherwise (Mark,
Rose, Paris, Bethesda) are left out on purpose.
"""

from typing import Final


def _listed(text: str) -> frozenset[str]:
    return frozenset(text.split())


GIVEN: Final = _listed(
    """
    Aaron Abigail Adam Adrian Agnes Aisha Alan Albert Alejandro Alex Alexander Alexandra Alexis
    Alfred Alice Alicia Alison Allen Allison Amanda Amber Amelia Amy Ana Andre Andrea Andrew Angel
    Angela Anita Ann Anna Anne Annette Annie Anthony Antonio Ariana Arthur Ashley Audrey Ava Barbara
    Beatrice Ben Benjamin Bernard Bernice Beth Betty Beverly Bob Bobby Bonnie Brad Bradley Brandon
    Brenda Brendan Brian Brianna Bridget Brittany Bruce Bryan Caleb Calvin Cameron Carl Carla Carlos
    Carmen Carol Caroline Carolyn Carrie Catherine Cathy Cecilia Charlene Charles Charlie Charlotte
    Chen Cheryl Chloe Chris Christina Christine Christopher Cindy Claire Clara Clarence Claudia Cole
    Colleen Connie Connor Constance Craig Crystal Curtis Cynthia Dale Dan Dana Daniel Danielle Danny
    Darlene Darrell Dave David Dawn Deborah Debra Denise Dennis Derek Diana Diane Diego Dolores Don
    Donald Donna Doris Dorothy Doug Douglas Duane Dylan Earl Ed Eddie Edgar Edith Edna Edward Edwin
    Eileen Elaine Eleanor Elena Eli Elijah Elizabeth Ella Ellen Emily Emma Eric Erica Erik Erin
    Ernest Esther Ethan Ethel Eugene Eva Evan Evelyn Fatima Felix Florence Frances Francis Francisco
    Fred Frederick Gabriel Gabriela Gail Gary George Georgia Gerald Gina Gladys Glen Glenn Gloria
    Gordon Greg Gregory Gwen Hannah Harold Harriet Harry Hassan Hazel Heather Hector Heidi Helen
    Henry Herbert Holly Howard Hugh Ian Ida Ingrid Irene Isaac Isabel Isabella Isaiah Jack Jackie
    Jackson Jacob Jacqueline Jaime Jake James Jamie Jan Jane Janet Janice Jasmine Jason Javier Jay
    Jean Jeanette Jeff Jeffrey Jennifer Jenny Jeremy Jerome Jerry Jesse Jessica Jesus Jill Jim Jimmy
    Jo Joan Joann Joanna Joanne Joe Joel John Johnny Jon Jonathan Jordan Jorge Jose Joseph Josephine
    Josh Joshua Joyce Juan Juanita Judith Judy Julia Julian Julie Justin Karen Karl Kate Katherine
    Kathleen Kathryn Kathy Katie Kayla Keith Kelly Kenneth Kenny Kevin Kim Kimberly Kristen Kristin
    Kyle Larry Laura Lauren Laurie Lawrence Leah Lee Leo Leon Leonard Leslie Liam Lillian Lily Linda
    Lisa Logan Lois Lori Lorraine Louis Louise Lucas Lucia Lucy Luis Luke Lydia Lynn Mabel Madison
    Manuel Marc Marcia Marcus Margaret Maria Marian Marie Marilyn Mario Marion Marjorie Marlene
    Martha Martin Marvin Mary Mason Matt Matthew Maureen Max Megan Melanie Melissa Melvin Mia
    Michael Michelle Miguel Mike Mildred Minnie Miriam Mohammed Molly Monica Morgan Muhammad Nancy
    Naomi Natalie Nathan Nathaniel Neil Nicholas Nick Nicole Nina Noah Nora Norma Norman Oliver
    Olivia Omar Oscar Pamela Patricia Patrick Patsy Paul Paula Pauline Pedro Peggy Penny Peter
    Philip Phillip Phyllis Priya Rachel Rafael Ralph Ramon Randy Raymond Rebecca Regina Renee
    Ricardo Richard Rick Ricky Rita Rob Robert Roberta Roberto Robin Rodney Roger Roland Ron Ronald
    Rosa Rosemary Roy Ruby Russell Ruth Ryan Sally Sam Samantha Samuel Sandra Sara Sarah Scott Sean
    Sergio Seth Shannon Sharon Shawn Sheila Shelly Sherry Shirley Sidney Sofia Sophia Sophie Stacy
    Stanley Stella Stephanie Stephen Steve Steven Stuart Sue Susan Suzanne Sylvia Tamara Tammy Tanya
    Tara Ted Teresa Terri Terry Thelma Theodore Theresa Thomas Tiffany Tim Timothy Tina Todd Tom
    Tommy Toni Tony Tracy Travis Trevor Tyler Valerie Vanessa Vera Vernon Veronica Vicki Victor
    Victoria Vincent Vivian Walter Wanda Warren Wayne Wendy Wesley Willard William Willie Wilma
    Xavier Yolanda Yvonne Zachary Zoe
    """
)

INSTITUTIONS: Final = (
    "Johns Hopkins", "John Hopkins", "Mayo Clinic", "Cleveland Clinic", "Cedars-Sinai",
    "Cedars Sinai", "Cedar Sinai", "Mount Sinai", "Mt. Sinai", "Mt Sinai", "MD Anderson",
    "Sloan Kettering", "Memorial Sloan", "Massachusetts General", "Mass General", "Mass Gen", "MGH",
    "UCLA", "UCSF", "UCSD", "UPMC", "NYU Langone", "NYU", "Kaiser Permanente", "Kaiser", "Stanford",
    "Brigham and Women's", "Brigham & Women's", "Brigham and Women’s", "Brigham & Women’s",
    "Beth Israel", "Dana-Farber", "Duke University", "Duke", "Emory", "Vanderbilt", "Northwestern",
    "Georgetown", "Fox Chase", "Jefferson", "Temple University", "City of Hope",
    "Columbia Presbyterian", "NewYork-Presbyterian", "New York-Presbyterian", "Yale New Haven",
    "Yale", "Harvard", "Cedar Crest", "Good Samaritan", "Quest Diagnostics", "LabCorp",
)  # fmt: skip

TOWNS: Final = (
    "New York City", "NYC", "Salt Lake City", "New York", "Los Angeles", "Chicago", "Houston", "Phoenix", "Philadelphia",  # noqa: E501
    "San Antonio", "San Diego", "Dallas", "San Jose", "Austin", "Jacksonville", "San Francisco",
    "Columbus", "Indianapolis", "Seattle", "Denver", "Boston", "Nashville", "Detroit", "Portland",
    "Las Vegas", "Memphis", "Louisville", "Baltimore", "Milwaukee", "Albuquerque", "Tucson",
    "Sacramento", "Atlanta", "Kansas City", "Miami", "Oakland", "Minneapolis", "Tampa",
    "New Orleans", "Cleveland", "Honolulu", "Orlando", "St. Louis", "Pittsburgh", "Cincinnati",
    "Newark", "Buffalo", "Brooklyn", "Queens", "Manhattan", "Springfield", "Alabama", "Alaska",
    "Arizona", "Arkansas", "California", "Colorado", "Connecticut", "Delaware", "Florida",
    "Georgia", "Hawaii", "Idaho", "Illinois", "Indiana", "Iowa", "Kansas", "Kentucky", "Louisiana",
    "Maine", "Maryland", "Massachusetts", "Michigan", "Minnesota", "Mississippi", "Missouri",
    "Montana", "Nebraska", "Nevada", "New Hampshire", "New Jersey", "New Mexico", "North Carolina",
    "North Dakota", "Ohio", "Oklahoma", "Oregon", "Pennsylvania", "Rhode Island", "South Carolina",
    "South Dakota", "Tennessee", "Texas", "Utah", "Vermont", "Virginia", "Washington",
    "West Virginia", "Wisconsin", "Wyoming",
)  # fmt: skip
