// data sets packaged with the function
