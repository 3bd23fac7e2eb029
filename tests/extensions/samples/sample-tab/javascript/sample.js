window.sampleTab = true;
